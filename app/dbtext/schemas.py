"""SER 0.9's and Kamailio's tables: columns, keys and what the application needs."""


class Schema:
    def __init__(self, name, headers=(), key=(), needed=()):
        self.name = name
        self.headers = headers
        self.key = key
        self.needed = needed

    def check(self, columns):
        names = [column.name.lower() for column in columns]
        problems = []
        for need in self.needed:
            if not any([name in names for name in need.split("|")]):
                need = need.replace("|", " or ")
                problems.append((f"the column {need} is missing", f"add {need}(str) to the header"))
        return problems

    def key_of(self, columns):
        names = [column.name.lower() for column in columns]
        return [names.index(name) for name in self.key if name in names]

    def example(self):
        return "a header line such as " + (self.headers[0] if self.headers else "username(str)")


def schema_of(name):
    return SCHEMAS.get(name.lower()) or Schema(name)


SCHEMAS = {
    "subscriber": Schema(
        "subscriber", (), ("username", "domain"), ("username", "password|ha1")
    ),
    "dbaliases": Schema(
        "dbaliases", (), ("alias_username", "alias_domain"), ("alias_username", "username")
    ),
    "aliases": Schema(
        "aliases", (), ("username", "domain", "contact"), ("username", "contact")
    ),
}
