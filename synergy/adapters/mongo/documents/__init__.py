"""Between records and documents: fields named as in Synergy 2.x, those it did not have beside them.

Instants are BSON dates, which have milliseconds: that is what people see in their tools, what a TTL
index needs, and what compares with the server's clock; the last three digits of a record's
microseconds are cut off. Ids of units are ObjectIds, references to them 24 hexadecimal digits, as
in 2.x. A document that somebody edited into something illegal raises Malformed.
"""
