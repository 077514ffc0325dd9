"""What the policy promises, asked as the host asks."""

import unittest

from policy import Fresh
from reprise import GetVerdict
from reprise.testing import NOW, configured, connection, session


class AnHour(unittest.TestCase):
    def test_a_session_resumes_within_an_hour_of_its_full_handshake(self):
        policy = configured(Fresh)
        self.assertEqual(policy.get_session(connection(now=NOW + 3600), session()), GetVerdict.RESUME)
        self.assertEqual(policy.get_session(connection(now=NOW + 3601), session()), GetVerdict.FULL_HANDSHAKE)
