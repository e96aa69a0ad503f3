"""The certificates of a site: which files they are, and what is wrong with them."""

from app.appliance.certificates import BadData, read_certificates, read_key
from app.appliance.der import pem_blocks
from app.dbtext import Note

CONF = "site.conf"
PEM = (".pem", ".crt", ".cer", ".key")  # names of files that are no tables
LONGEST_CHAIN = 8000  # bytes, as DER: more does not fit into what TLS sends at once
SECURE = ("tls", "wss")


def is_pem(name):
    """Say whether a file of a site is a certificate or a key, by its name."""
    return name.lower().endswith(PEM)


class Pair:
    """A certificate with its key: PEM as bytes; names it is for; until: Unix seconds."""

    def __init__(self, name, certificate, key, first):
        self.name = name
        self.certificate = certificate
        self.key = key
        self.names = first.names
        self.until = first.until
        self.serves = first.serves


class TlsCheck:
    """pairs: [Pair], the first one for who names no server; authorities: PEM or None."""

    def __init__(self, settings, files):
        self.pairs = []
        self.authorities = None
        self.errors = []
        self.notes = []
        self._settings = settings
        self._files = files

    def run(self):
        """Check all that can be."""
        tls = self._settings.tls
        if tls.key and len(tls.key) != len(tls.certificate):
            problem = f"{len(tls.key)} keys for {len(tls.certificate)} certificates"
            remedy = "write one for each, or none where each key is in its certificate's file"
            self._refuse("key", problem, remedy)
            return
        for at, name in enumerate(tls.certificate):
            self._check_pair(name, tls.key[at] if tls.key else name)
        if tls.ca:
            self._check_authorities(tls.ca)
        self._check_use(tls)
        used = tls.certificate + tls.key + ((tls.ca,) if tls.ca else ())
        for name in sorted(self._files):
            if is_pem(name) and name not in used:
                self._note(name, "no setting of [tls] names it", "leave it out, or name it there")

    def _check_pair(self, name, key_name):
        """A certificate, those behind it, and its key."""
        data, key = self._file("certificate", name), self._file("key", key_name)
        if data is None or key is None:
            return
        chain = self._read(name, read_certificates, data)
        found = self._read(key_name, read_key, key)
        if chain is None or found is None:
            return
        first = chain[0]
        kind, public = found
        if kind != first.kind or public not in (None, first.public):
            problem = f"it is not the key of the first certificate in {name}"
            remedy = "put the box's own certificate first, and send the key that it was made with"
            self.errors.append(Note(key_name, 0, 0, problem, remedy))
            return
        self._check_chain(name, data, chain)
        self.pairs.append(Pair(name, data, key, first))

    def _check_chain(self, name, data, chain):
        size = sum([len(content) for label, content, _ in pem_blocks(data) if "CERT" in label])
        if size > LONGEST_CHAIN:
            problem = f"its certificates have {size} bytes, {LONGEST_CHAIN} is the most"
            remedy = "leave the root out, which telephones have themselves"
            self.errors.append(Note(name, 0, 0, problem, remedy))
        for at in range(1, len(chain)):
            if chain[at].subject != chain[at - 1].issuer:
                problem = f"certificate {at + 1} is not that of who issued the one before"
                self._note(name, problem, "put them in order: the box's, its issuer's, and so on")
        if not chain[0].names:
            self._note(name, "it is for no name", "have it issued for the names that clients use")

    def _check_authorities(self, name):
        data = self._file("ca", name)
        if data is None:
            return
        blocks = self._read(name, pem_blocks, data)
        if blocks is None:
            return
        if not [label for label, _, _ in blocks if "CERT" in label]:
            problem = "there is no certificate in it (-----BEGIN CERTIFICATE-----)"
            self.errors.append(Note(name, 0, 0, problem, "send the authorities' certificates"))
            return
        self.authorities = data

    def _check_use(self, tls):
        """What the settings have to do with each other."""
        sip = self._settings.sip
        secure = [each[0] for each in sip.listen if each[0] in SECURE]
        if secure and not tls.certificate:
            line, column = self._settings.place("sip", "listen")
            problem = f"listen: {secure[0]} without a certificate"
            remedy = "add certificate and key to [tls], and send these files"
            self.errors.append(Note(CONF, line, column, problem, remedy))
        if tls.certificate and sip.listen and not secure:
            problem = "[tls] certificate: nothing listens for TLS"
            self._note(CONF, problem, "add tls:0.0.0.0 to listen")
        if tls.verify_client != "no" and not tls.ca:
            remedy = "name the file with the certificates of who issues those of clients"
            self._refuse("verify_client", "verify_client without ca", remedy)

    def _file(self, key, name):
        """The bytes of a file that [tls] names, or None."""
        if name in self._files:
            return self._files[name]
        self._refuse(key, f"{key}: there is no file {name} in the site", "add it, as PEM")
        return None

    def _read(self, name, function, data):
        try:
            return function(data)
        except BadData as error:
            remedy = "write it as PEM, with a key of RSA (2048 bits or more), P-256 or P-384"
            self.errors.append(Note(name, error.line, 0, str(error), remedy))
            return None

    def _refuse(self, key, problem, remedy):
        line, column = self._settings.place("tls", key)
        self.errors.append(Note(CONF, line, column, problem, remedy))

    def _note(self, name, problem, remedy):
        self.notes.append(Note(name, 0, 0, problem, remedy))
