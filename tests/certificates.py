"""Certificates for tests, made with openssl when they are needed; portable to both interpreters.

    folder = Folder()                       # an authority of its own in a folder under /tmp
    folder.issue("box", ("sip.example.org", "192.0.2.1"))
    folder.read("box.pem"), folder.read("box.key"), folder.read("ca.pem")
    folder.remove()
"""

import binascii
import os

EC = "ec -pkeyopt ec_paramgen_curve:P-256"
RSA = "rsa:2048"


class Folder:
    """An authority, and what it issues: NAME.pem (with the authority's behind) and NAME.key."""

    def __init__(self, name="authority"):
        self.path = "/tmp/certificates-" + binascii.hexlify(os.urandom(6)).decode()
        os.mkdir(self.path)
        self.run(
            f"req -x509 -newkey {EC} -nodes -keyout ca.key -out ca.pem -days 30"
            f" -subj /CN={name} -addext keyUsage=critical,keyCertSign"
        )

    def issue(self, name, hosts, kind=EC, days=30):
        """Write NAME.pem and NAME.key for host names and addresses."""
        names = ",".join([("IP:" if is_address(host) else "DNS:") + host for host in hosts])
        with open(f"{self.path}/{name}.ext", "w") as file:
            file.write(f"subjectAltName={names}\n")
        self.run(f"req -newkey {kind} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}")
        self.run(
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days}"
            f" -extfile {name}.ext -out {name}.pem"
        )
        with open(f"{self.path}/{name}.pem", "ab") as file:
            file.write(self.read("ca.pem"))

    def read(self, name):
        """-> bytes of a file."""
        with open(f"{self.path}/{name}", "rb") as file:
            return file.read()

    def remove(self):
        for name in os.listdir(self.path):
            os.remove(f"{self.path}/{name}")
        os.rmdir(self.path)

    def run(self, command):
        """Run an openssl command in the folder. -> bytes of what it said."""
        status = os.system(f"cd {self.path} && openssl {command} >log 2>&1")
        assert status == 0, (command, self.read("log"))
        return self.read("log")


def is_address(host):
    return ":" in host or not host.strip("0123456789.")
