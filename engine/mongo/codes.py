"""The server's error codes that decide something: who is to blame, and what passes by itself (MongoDB's error_codes.yml).

What a code means to the user is `connection.CODES`.
"""

from __future__ import annotations

UNAUTHORIZED = 13  # the account lacks a privilege
OTHER_COLLECTION = 361  # the name does not belong to the collection whose `collectionUUID` the command has
LEASE_OVER = 241  # an expression could not be evaluated: that of `fences`, as no other write has one
INVALID_DOCUMENT = 121  # the collection's validator refuses the document
DUPLICATE_KEY = 11000
BLAMING = (DUPLICATE_KEY, INVALID_DOCUMENT)  # the only codes that blame a document; all others blame the server or the run
INDEX_CONFLICTS = frozenset({67, 85, 86})  # no such index beside the others; the same keys under another name; the same name for others
RETRYABLE = frozenset({LEASE_OVER, 6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436})
"""Host unreachable or not found, timeouts (also `retries.ANSWER`), shutdown, no or another primary, write conflict, write concern not met.

MongoDB's "retryable writes" specification and its error_codes.yml.
"""
