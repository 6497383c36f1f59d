"""The Python client over TLS: PORT AUTHORITY, the authority's certificate as PEM."""
import sys

from iotdb.Session import Session
from iotdb.utils.IoTDBConstants import TSDataType

port, authority = sys.argv[1:3]
session = Session("127.0.0.1", port, "root", "root", use_ssl=True, ca_certs=authority)
session.open(False)
session.insert_record("root.tls.python", 1, ["s"], [TSDataType.INT32], [5])
with session.execute_query_statement("select s from root.tls.python") as found:
    row = found.next()
    assert (row.get_timestamp(), str(row.get_fields()[0])) == (1, "5"), row
session.close()
plain = Session("127.0.0.1", port, "root", "root")
try:
    plain.open(False)
    sys.exit("FAIL  Python: a session without TLS is opened")
except SystemExit:
    raise
except Exception:
    print("ok    Python over TLS")
