"""Fetches a maildrop into a Maildir: PORT USER PASSWORD-FILE MAILDIR durable|"" CA-FILE|"" """

import os
import poplib
import ssl
import sys

port, user, password_file, maildir, durable, ca_file = sys.argv[1:]
if ca_file:
    context = ssl.create_default_context(cafile=ca_file)
    connection = poplib.POP3_SSL("localhost", int(port), context=context)
else:
    connection = poplib.POP3("127.0.0.1", int(port))
connection.user(user)
with open(password_file) as file:
    connection.pass_(file.read())
connection.uidl()
directory = os.open(os.path.join(maildir, "new"), os.O_RDONLY)
for number in range(1, connection.stat()[0] + 1):
    lines = connection.retr(number)[1]
    name = f"{os.getpid()}.{number}"
    written = os.path.join(maildir, "tmp", name)
    with open(written, "wb") as file:
        file.write(b"\r\n".join(lines) + b"\r\n")
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(written, os.path.join(maildir, "new", name))
    if durable:
        os.fsync(directory)
connection.quit()
