"""What SER did: location, registrar, aliases, authentication, forwarding, forking, NAT.

core.Proxy turns the endpoint's events into runs of the routing script (app/routes.py);
the verbs of the script are the methods of request.RoutingRequest and reply.RoutingReply.
"""
