"""The routing script: what happens to each request, step by step, as in ser.cfg.

One function is one stage, top to bottom. A verb is a method of the request `r`, under the
name that SER and Kamailio give it; app/proxy/verbs_*.py has each with an example. A stage
that has answered the request or sent it on returns; nothing falls through to the next.
"""

from app.proxy.acc import FLT_ACC, FLT_ACCFAILED, FLT_ACCMISSED


def request_route(r):
    """Every request comes in here: SER's `route { ... }`."""
    if not sane(r):
        return None

    # a telephone behind NAT: its Contact gets the address that its packets come from
    if r.is_first_hop() and r.nat_uac_test(19) and not r.is_method("REGISTER"):
        r.add_contact_alias()

    # what begins a dialog leaves our address in it, so that the rest of it passes here
    if not r.is_method("REGISTER"):
        r.record_route()

    disown(r)

    # the rest of a dialog takes the way that record-routing has laid
    if r.loose_route():
        return within_dialog(r)
    if r.is_method("ACK"):
        return r.drop()  # of no dialog of ours, and an ACK is never answered

    if r.is_method("REGISTER") and r.is_myself(r.ru):
        return registrar(r)
    if r.is_method("OPTIONS") and r.is_myself(r.ru) and not r.ru.user:
        return r.sl_send_reply(200, "OK")  # somebody asks whether we are alive

    # nobody gets further without a password, but from outside to our own extensions
    if not permitted(r):
        return None

    if r.is_method("INVITE"):
        r.setflag(FLT_ACC)  # do accounting

    # for a next hop that the caller names, or another domain: nothing of ours to look up
    if r.route_set or not r.is_myself(r.ru):
        r.append_hf("P-hint: outbound")
        return relay(r)
    return incoming(r)


def sane(r):
    """Initial sanity checks; a request that fails one has been answered, or gets no answer."""
    if r.is_scanner() or not r.pike_check_req():
        r.drop()
        return False
    if not r.mf_process_maxfwd_header(10):
        r.sl_send_reply(483, "Too Many Hops")
        return False
    if r.msg_len >= r.config.max_len:
        r.sl_send_reply(513, "Message Too Large")
        return False
    return True


def disown(r):
    """Who a caller is, is for us to say or for a trunk, not for the caller (RFC 3325 5)."""
    if not r.allow_source_address():
        r.remove_hf("P-Asserted-Identity")
        r.remove_hf("Remote-Party-ID")


def within_dialog(r):
    """A request with a Route of ours, for the very party that the dialog is with."""
    r.append_hf("P-hint: rr-enforced")
    if r.is_method("BYE"):
        r.setflag(FLT_ACC)  # do accounting ...
        r.setflag(FLT_ACCFAILED)  # ... even if the transaction fails
    r.handle_ruri_alias()
    return relay(r)


def registrar(r):
    """REGISTER for our domain: who knows the password may say where the extension is."""
    if not r.tu.is_sip:
        return r.sl_send_reply(400, "Bad Request: To is no SIP URI")
    if not r.www_authorize("", "subscriber"):
        return r.www_challenge("", 1)
    if not r.check_to():
        r.refused(f"{r.au} may not register {r.tu}")
        return r.sl_send_reply(403, "Forbidden")
    # a NAT, or a Contact at somebody else's address, who has not asked for our calls: they go to
    # where this came from, which the challenge has reached
    if r.nat_uac_test(19 | 512):
        r.fix_nated_register()
    return r.save("location")


def permitted(r):
    """Says whether the request may go on; if not, it has been answered.

    An extension proves who it is and may go anywhere. A trunk may reach what is ours, and
    anybody outside may call it: this box relays for nobody. What is no call is not for
    strangers, or they would write on telephones' screens (MESSAGE), restart them (NOTIFY),
    and have them call out (REFER), which no trunk has a reason for either.
    """
    # is_from_local, not is_myself(r.fu): at our address, no other port makes a name somebody else's
    if not r.allow_source_address() and r.is_from_local():
        if not r.proxy_authorize("", "subscriber"):
            r.proxy_challenge("", 1)
            return False
        if not r.check_from():
            r.refused(f"{r.au} may not call as {r.fu}")
            r.sl_send_reply(403, "Forbidden")
            return False
        r.consume_credentials()
        return True
    if r.is_myself(r.ru) and not r.route_set:
        if r.is_method("INVITE") or (r.allow_source_address() and not r.is_method("REFER")):
            disarm(r)
            return True
        r.refused("a stranger may call, and nothing else")
        r.sl_send_reply(403, "Forbidden")
        return False
    r.refused("relaying denied")
    r.sl_send_reply(403, "Relaying Denied")
    return False


def disarm(r):
    """Nobody makes a telephone answer by itself, and hears the room, but who has a password."""
    for name in ("Answer-Mode", "Priv-Answer-Mode", "Call-Info", "Alert-Info"):
        r.remove_hf(name)


def incoming(r):
    """A request for our domain: aliases first, then where the extension has registered."""
    r.lookup("aliases")
    r.alias_db_lookup("dbaliases")
    if not r.is_myself(r.ru):
        r.append_hf("P-hint: outbound alias")
        return relay(r)
    if not r.lookup("location"):
        return r.sl_send_reply(404, "Not Found")
    r.append_hf("P-hint: usrloc applied")
    if r.is_method("INVITE"):
        r.setflag(FLT_ACCMISSED)  # by way of usrloc, missed calls are told as well
    return relay(r)


def relay(r):
    """Sends the request out, with its media by way of our relay."""
    if not r.rtpproxy_manage(media_flags(r)):
        return r.sl_reply_error()
    if not r.t_relay():
        return r.sl_reply_error()
    return None


def onreply_route(r):
    """Every reply that goes back passes here: SER's `onreply_route { ... }`."""
    if r.is_first_hop() and r.nat_uac_test(1 | 128):
        r.add_contact_alias()
    r.rtpproxy_manage(media_flags(r))


def media_flags(r):
    """A trunk's media comes from other addresses than its signalling; we take its word for it."""
    return "r" if r.allow_source_address() else ""
