"""Addresses of record: the key under which bindings, aliases and subscribers are found."""


def aor_of(uri, use_domain):
    """-> str key of a SIP Uri, or "" when it names no user.

    RFC 3261 10.3 step 5: unescaped, without parameters. Case is folded in the user part
    as well, as Kamailio's registrar does (case_sensitive 0). `use_domain` False takes the
    user part alone: one box, one set of extensions, whatever the domain's spelling.
    """
    if not uri.is_sip or not uri.user:
        return ""
    user, host = uri.aor
    return f"{user.lower()}@{host}" if use_domain else user.lower()


def aor_of_row(row, use_domain):
    """-> str key of a row of `location`, "" when it has no username."""
    username = row.get("username")
    if not username:
        return ""
    if not use_domain:
        return username.lower()
    return f"{username.lower()}@{(row.get('domain') or '').lower()}"


def rows_of(table, user, host, use_domain, user_column="username", domain_column="domain"):
    """-> [Row] of a table for user@host, by the best of three matches.

    Rows with that very domain; else rows whose domain is empty or absent, which hold for
    every domain of ours (SER's tables have it both ways); else, without `use_domain`, rows
    of the user whatever their domain is.
    """
    if table is None or not user:
        return []
    rows = table.find_all(**{user_column: user})
    here = [row for row in rows if (row.get(domain_column) or "").lower() == host]
    if here:
        return here
    anywhere = [row for row in rows if not row.get(domain_column)]
    if anywhere or use_domain:
        return anywhere
    return rows
