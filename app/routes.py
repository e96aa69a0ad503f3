"""The routing script: what happens to each request, step by step, as in ser.cfg.

One function is one stage, top to bottom. A verb is a method of the request `r`, under the
name that SER and Kamailio give it; app/proxy/verbs_*.py has each with an example. A stage
that has answered the request or sent it on returns; nothing falls through to the next.
"""

from app.proxy.acc import FLT_ACC, FLT_ACCFAILED, FLT_ACCMISSED

TRUNK_SILENT = 5000  # milliseconds without any answer until another trunk is tried


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

    # the rest of a dialog takes the way that record-routing has laid, or that of its call
    if r.loose_route() or r.is_known_dlg():
        return within_dialog(r)

    if not begins(r):
        return None

    if r.is_method("REGISTER") and r.is_myself(r.ru):
        return registrar(r)
    if r.is_method("OPTIONS") and r.is_myself(r.ru) and not r.ru.user:
        return r.options_reply()  # somebody asks whether we are alive

    # nobody gets further without a password, but from outside to our own extensions
    if not permitted(r) or r.handle_subscribe():
        return None
    if r.is_method("INVITE"):
        r.setflag(FLT_ACC)  # do accounting

    if r.is_urgent():
        return outward(r)  # an emergency waits for nothing
    # for a next hop that the caller names, or another domain: nothing of ours to look up
    if r.route_set or not r.is_myself(r.ru):
        return outside(r)
    return incoming(r)


def sane(r):
    """Initial sanity checks; a request that fails one has been answered, or gets no answer."""
    if r.is_scanner():
        r.drop()
        return False
    if not r.mf_process_maxfwd_header(10):
        r.sl_send_reply(483, "Too Many Hops")
        return False
    if r.msg_len >= r.config.max_len:
        r.sl_send_reply(513, "Message Too Large")
        return False
    return True


def begins(r):
    """Whoever begins something, which is counted: within a dialog, its seal or its call vouches
    for the sender. An ACK begins nothing, and is never answered. -> False: no answer goes."""
    if not r.pike_check_req() or r.is_method("ACK"):
        r.drop()
        return False
    return True


def from_trunk(r):
    """A trunk is known by its address: group 1 of `address`, or set 1 of `dispatcher`."""
    return r.allow_source_address(1) or r.ds_is_from_list(1, 3)


def disown(r):
    """Who a caller is, is for us to say or for a trunk, not for the caller (RFC 3325 5).

    Nor is who it was diverted by: there are trunks that bill by that (RFC 5806, 7044).
    """
    if not from_trunk(r):
        for name in ("P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info"):
            r.remove_hf(name)


def within_dialog(r):
    """A request with a Route of ours, for the very party that the dialog is with."""
    r.append_hf("P-hint: rr-enforced")
    if r.is_method("BYE"):
        r.setflag(FLT_ACC)  # do accounting ...
        r.setflag(FLT_ACCFAILED)  # ... even if the transaction fails
        if r.du and is_trunk(r, r.du):
            r.t_on_failure("trunk_bye")
    if r.is_method("REFER") and (from_trunk(r) or (r.du and is_trunk(r, r.du))):
        # a trunk moves nobody here, and pretends to when it is asked to move somebody itself
        return r.sl_send_reply(603, "Decline")
    if r.is_method("MESSAGE") and r.du and is_trunk(r, r.du):
        return r.sl_send_reply(603, "Decline")  # outside of a dialog it is counted
    if r.is_method("REFER") and not may_refer(r):
        return None
    if from_trunk(r):
        r.withhold_identity()
    r.handle_ruri_alias()
    return relay(r)


def may_refer(r):
    """Says whether the sender of a REFER within a dialog may have the other party call out, which
    it does with its own password; if not, it has been answered. Telephones of ours may."""
    if r.is_known_user():
        return True
    if not claims_to_be_ours(r):
        r.refused("a stranger has nobody call out")
        r.sl_send_reply(403, "Forbidden")
        return False
    if not r.proxy_authorize("", "subscriber"):
        r.proxy_challenge("", 1)
        return False
    r.consume_credentials()
    return True


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
    if not from_trunk(r) and claims_to_be_ours(r):
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
        if r.is_method("INVITE") or (from_trunk(r) and not r.is_method("REFER")):
            disarm(r)
            return True
        r.refused("a stranger may call, and nothing else")
        r.sl_send_reply(403, "Forbidden")
        return False
    r.refused("relaying denied")
    r.sl_send_reply(403, "Relaying Denied")
    return False


def claims_to_be_ours(r):
    """From names our domain or address. At our address another port makes the name nobody
    else's, unless the request comes from there: from a second program on this machine."""
    return r.is_from_local() and (r.fu.host, r.fu.port) != (r.si, r.sp)


def disarm(r):
    """Nobody makes a telephone answer by itself, and hears the room, but who has a password."""
    for name in ("Answer-Mode", "Priv-Answer-Mode", "Call-Info", "Alert-Info"):
        r.remove_hf(name)


def incoming(r):
    """A request for our domain: aliases first, then where the extension has registered."""
    r.uac_reg_lookup()  # a provider may call the contact that we have registered there
    if from_trunk(r):
        r.dp_translate(2)
    r.lookup("aliases")
    r.alias_db_lookup("dbaliases")
    if not r.is_myself(r.ru):
        r.append_hf("P-hint: outbound alias")
        return relay(r)
    if not r.lookup("location"):
        return elsewhere(r)
    r.append_hf("P-hint: usrloc applied")
    r.withhold_identity()
    r.remove_hf("P-Preferred-Identity")  # which was for us to read
    if r.is_method("INVITE"):
        r.setflag(FLT_ACCMISSED)  # by way of usrloc, missed calls are told as well
    return relay(r)


def elsewhere(r):
    """Nobody has registered for it here: a number that is no extension's is the world's."""
    if r.dialled_number() and not r.au and r.is_anonymous() and not from_trunk(r):
        # perhaps an extension that does not want to be shown; From says nothing of it
        if not r.proxy_authorize(r.ru.host, "subscriber"):
            return r.proxy_challenge(r.ru.host, 1)
        r.consume_credentials()
    if r.dialled_number() and r.au and not r.does_uri_exist():
        return outward(r)
    return r.sl_send_reply(404, "Not Found")


def is_trunk(r, peer):
    """Whether that is the address of a trunk."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return r.allow_address(1, peer.host, peer.port) or r.ds_is_from_list(1, 3, f"sip:{host}")


def goes_to_trunk(r):
    """Whether the caller names a trunk as next hop, or a number that is no address at all."""
    uri = r.route_set[0].uri if r.route_set else r.ru
    if not uri.is_sip:
        return r.dialled_number() != ""
    return r.ds_is_from_list(1, 3, str(uri)) or r.allow_address(1, uri.host, uri.port or 5060)


def outside(r):
    """To where the caller says: an extension is asked as for a call by the trunk, and what would
    reach one goes by the trunks in any case."""
    # of a dialog whose seal is lost, the rest may still be told, but nothing that costs begins
    begins = not r.has_totag() or r.is_method("INVITE|MESSAGE|REFER")
    if r.au and begins and goes_to_trunk(r) and r.ds_list_exists(1):
        return outward(r)
    if not r.ru.is_sip:
        return r.sl_send_reply(416, "Unsupported URI Scheme")
    if r.au and begins and not may_call_out(r):
        return None
    r.append_hf("P-hint: outbound")
    return relay(r)


def outward(r):
    """A call of an extension's to a number out there: may it, by which trunk, and as whom."""
    if not r.ds_list_exists(1) or not r.normalize_number():
        return r.sl_send_reply(404, "Not Found")
    if r.is_method("REFER"):
        return r.sl_send_reply(603, "Decline")
    r.forget_routes()  # the trunks are ours to choose
    if not r.is_urgent():
        r.dp_translate(1)
        if not r.is_urgent() and not may_call_out(r):
            return None
    if not r.ds_select_domain(1, r.config.algorithm):
        r.refused("no trunk is alive")
        return r.sl_send_reply(503, "No Trunk Available")
    r.append_hf("P-hint: outbound")
    if not trunk_branch(r):
        return r.sl_reply_error()
    return relay(r)


def may_call_out(r):
    """Toll fraud: says whether this extension may call this number now; if not, it has been
    answered. Emergency calls never come here."""
    if r.has_group("pstn") and not r.is_user_in("Credentials", "pstn"):
        return no(r, "Not Allowed Outside")
    if not r.check_blocklist() or not r.check_user_blocklist(r.au, r.credentials.realm):
        return no(r, "Number Blocked")
    if not r.within_hours() and not r.is_user_in("Credentials", "anytime"):
        return no(r, "Not at This Hour")
    if not r.is_method("INVITE|MESSAGE") or r.is_user_in("Credentials", "unlimited"):
        return True
    if not r.limit_calls():
        r.sl_reply_error()
        return False
    return True


def no(r, why):
    r.refused(f"{r.au}: {why}")
    r.sl_send_reply(403, why)
    return False


def trunk_branch(r):
    """Makes it ready for the trunk at hand; with what comes back goes on below."""
    r.t_on_failure("trunk_failure")
    r.t_set_fr(0, TRUNK_SILENT)
    return r.present_identity()


def trunk_failure(r):
    """SER's `failure_route`: a trunk wants a password, or another one is to be tried."""
    if r.t_is_canceled():
        return
    if r.t_check_status("401|407") and r.uac_auth():
        if trunk_branch(r):
            r.t_relay()
        return
    silent = r.t_branch_timeout() and not r.t_branch_replied()
    if not silent and not r.t_check_status("401|407|500|502|503|504"):
        return  # the callee's own answer, which goes back
    if silent or r.t_check_status("503"):
        r.ds_mark_dst("tp")
    if r.ds_next_domain() and trunk_branch(r):
        r.t_relay()
    elif r.t_check_status("401|407"):
        r.t_reply(503, "Trunk Refused")  # its challenge is none for a telephone to answer


def trunk_bye(r):
    """A trunk wants a password to hang up: without it the call would go on there."""
    if r.t_check_status("401|407") and r.uac_auth():
        r.t_relay()


def relay(r):
    """Sends the request out, with its media by way of our relay."""
    if not r.rtpproxy_manage(media_flags(r)) and not r.is_urgent():
        return r.sl_reply_error()
    if not r.t_relay():
        return r.sl_reply_error()
    return None


def onreply_route(r):
    """Every reply that goes back passes here: SER's `onreply_route { ... }`."""
    if r.is_first_hop() and r.nat_uac_test(1 | 128):
        r.add_contact_alias()
    disown(r)
    r.withhold_identity()
    r.rtpproxy_manage(media_flags(r))


def media_flags(r):
    """A trunk's media comes from other addresses than its signalling; we take its word for it."""
    return "r" if from_trunk(r) else ""
