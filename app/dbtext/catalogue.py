"""The tables of SER 0.9 and Kamailio: their versions and columns, as data.

Sources: Kamailio's utils/kamctl/dbtext/kamailio (releases 5.6 to 6.1; two versions where they
differ); SER's modules_s/dbtext/README of November 2004 and scripts/ser_mysql.sh of 0.9.6,
which gives names but no dbtext types: there, text unless it is plainly a number.
"""

# A line is `table versions columns...`, continued by indented lines. A column is text,
# with # an int, with ~ a double; ? says null, + says int and auto.
KAMAILIO = """
version 1 id+ table_name table_version#
subscriber 7 id+ username domain password ha1 ha1b
location 9 id+ ruid username domain? contact received? path? expires# q~ callid cseq#
  last_modified# flags# cflags# user_agent socket? methods#? instance? reg_id# server_id#
  connection_id# keepalive# partition#
aliases 8 id+ ruid username domain? contact received? path? expires# q~ callid cseq#
  last_modified# flags# cflags# user_agent socket? methods#? instance? reg_id# server_id#
  connection_id# keepalive# partition#
location_attrs 1 id+ ruid username domain? aname atype# avalue last_modified#
dbaliases 1 id+ alias_username alias_domain username domain
address 6 id+ grp# ip_addr mask# port# tag?
trusted 6 id+ src_ip proto from_pattern? ruri_pattern? tag? priority#
dispatcher 4 id+ setid# destination flags# priority# attrs description
dialplan 2 id+ dpid# pr# match_op# match_exp match_len# subst_exp repl_exp attrs
domain 2 id+ domain did? last_modified#
domain_attrs 1 id+ did name type# value last_modified#
grp 2 id+ username domain grp last_modified#
re_grp 1 id+ reg_exp group_id#
uri 1 id+ username domain uri_user last_modified#
speed_dial 2 id+ username domain sd_username sd_domain new_uri fname lname description
usr_preferences 2 id+ uuid username domain attribute type# value last_modified#
uacreg 5,6 id+ l_uuid l_username l_domain r_username r_domain realm auth_username auth_password
  auth_ha1 auth_proxy expires# flags# reg_delay# contact_addr contact_user socket
rtpproxy 1 id+ setid url flags# weight# description
rtpengine 1 id+ setid# url weight# disabled# stamp#
htable 2 id+ key_name key_type# value_type# key_value expires#
acc 5 id+ method from_tag to_tag callid sip_code sip_reason time#
acc_cdrs 2,3 id+ start_time# end_time# duration~
missed_calls 4 id+ method from_tag to_tag callid sip_code sip_reason time#
presentity 5 id+ username domain event etag expires# received_time# body sender priority# ruid?
active_watchers 12 id+ presentity_uri watcher_username watcher_domain to_user to_domain event
  event_id? to_tag from_tag callid local_cseq# remote_cseq# contact record_route? expires# status#
  reason? version# socket_info local_contact from_user from_domain updated# updated_winfo# flags#
  user_agent?
watchers 3 id+ presentity_uri watcher_username watcher_domain event status# reason? inserted_time#
xcap 4 id+ username domain doc doc_type# etag source# doc_uri port#
pua 7 id+ pres_uri pres_id event# expires# desired_expires# flag# etag tuple_id? watcher_uri
  call_id to_tag from_tag cseq# record_route? contact remote_contact version# extra_headers
rls_presentity 1 id+ rlsubs_did resource_uri content_type presence_state expires# updated#
  auth_state# reason
rls_watchers 3 id+ presentity_uri to_user to_domain watcher_username watcher_domain event
  event_id? to_tag from_tag callid local_cseq# remote_cseq# contact record_route? expires# status#
  reason version# socket_info local_contact from_user from_domain updated#
dialog 7 id+ hash_entry# hash_id# callid from_uri from_tag to_uri to_tag caller_cseq callee_cseq
  caller_route_set? callee_route_set? caller_contact callee_contact caller_sock callee_sock state#
  start_time# timeout# sflags# iflags# toroute_name? req_uri xdata?
dialog_vars 1 id+ hash_entry# hash_id# dialog_key dialog_value
silo 8 id+ src_addr dst_addr username domain inc_time# exp_time# snd_time# ctype body? extra_hdrs?
  callid status#
pdt 1 id+ sdomain prefix domain
mtree 1 id+ tprefix tvalue
secfilter 1 id+ action# type# data
userblocklist 1 id+ username domain prefix allowlist#
globalblocklist 1 id+ prefix allowlist# description?
sca_subscriptions 2 id+ subscriber aor event# expires# state# app_idx# call_id from_tag to_tag
  record_route? notify_cseq# subscribe_cseq# server_id#
mohqueues 1 id+ name uri mohdir? mohfile debug#
mohqcalls 1 id+ mohq_id# call_id call_status# call_from call_contact? call_time#
dr_gateways 3 gwid+ type# address strip# pri_prefix? attrs? description
dr_rules 3 ruleid+ groupid prefix timerec priority# routeid gwlist description
lcr_gw 3 id+ lcr_id# gw_name? ip_addr? hostname? port#? params? uri_scheme#? transport#? strip#?
  prefix? tag? flags# defunct#?
lcr_rule 3 id+ lcr_id# prefix? from_uri? request_uri? mt_tvalue? stopper# enabled#
lcr_rule_target 1 id+ lcr_id# rule_id# gw_id# priority# weight#
imc_rooms 1 id+ name domain flag#
imc_members 1 id+ username domain room flag#
cpl 1 id+ username domain cpl_xml? cpl_bin?
sip_trace 4 id+ time_stamp# time_us# callid traced_user msg method status fromip toip fromtag
  totag direction
"""

SER = """
version 1 table_name table_version#
subscriber 3,5 username domain password ha1 ha1b
aliases 6 username domain? contact? expires#? q~? callid? cseq#? last_modified replicate#?
  state#? flags# user_agent received?
location 6 username domain? contact? expires#? q~? callid? cseq#? last_modified replicate#?
  state#? flags# user_agent received?
acc 2 sip_from sip_to sip_status sip_method i_uri o_uri from_uri to_uri sip_callid username domain
  fromtag totag time timestamp caller_deleted callee_deleted
missed_calls 2 sip_from sip_to sip_status sip_method i_uri o_uri from_uri to_uri sip_callid username
  domain fromtag totag time timestamp
grp 2 username domain grp last_modified
uri 1 username domain uri_user last_modified
domain 1 domain last_modified
trusted 1 src_ip proto from_pattern?
speed_dial 2 username domain sd_username sd_domain new_uri fname lname description
calls_forwarding 1 username domain uri_re purpose action param1? param2?
usr_preferences 2 uuid username domain attribute value type# modified
silo 3 mid+ src_addr dst_addr r_uri username domain inc_time# exp_time# ctype body?
"""
