"""What the policy promises, asked as the host asks. (plugin-sdk/conformance has every edge of it.)"""

import unittest
from dataclasses import replace

from policy import Tenants
from reprise import GetVerdict, NewVerdict_Keep, SettingsError
from reprise.testing import certificate, configured, connection, counted, session
from tenant import ends_in_names


def kept(policy, connection, session):
    """The session as the store has it: with the note that the policy attached."""
    verdict = policy.new_session(connection, session)
    assert isinstance(verdict, NewVerdict_Keep)
    return replace(session, note=verdict.value.note)


class Owners(unittest.TestCase):
    def test_a_session_resumes_for_the_certificate_that_it_was_kept_for(self):
        policy = configured(Tenants)
        stored = kept(policy, connection(), session(peer_certificate=certificate()))
        self.assertEqual(policy.get_session(connection(), stored), GetVerdict.RESUME)
        other = replace(stored, peer_certificate=certificate(sha256=bytes(32)))
        self.assertEqual(policy.get_session(connection(), other), GetVerdict.FULL_HANDSHAKE)
        self.assertEqual(counted["other_owner"], 1)

    def test_a_session_stays_in_its_network(self):
        policy = configured(Tenants, ("ipv4-prefix", "24"))
        stored = kept(policy, connection(), session())
        self.assertEqual(policy.get_session(connection(peer="192.0.2.254"), stored), GetVerdict.RESUME)
        self.assertEqual(policy.get_session(connection(peer="192.0.3.1"), stored), GetVerdict.FULL_HANDSHAKE)

    def test_a_subject_ends_in_whole_names(self):
        self.assertTrue(ends_in_names("CN=x,O=A,C=DE", "O=A,C=DE"))
        self.assertFalse(ends_in_names("CN=x\\,O=A,C=DE", "O=A,C=DE"))

    def test_settings_that_make_no_sense_are_told(self):
        with self.assertRaises(SettingsError) as raised:
            configured(Tenants, ("ipv4-prefix", "33"))
        message = "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`"
        self.assertEqual(str(raised.exception), message)
