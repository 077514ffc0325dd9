// Package policy: a session belongs to the client certificate, and by setting to the network, that made it.
//
// The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.
package policy

import "wit_component/reprise"

// tenants is to whom sessions belong.
type tenants struct {
	requireCertificate bool
	prefixes           networkPrefixes
	tenants            reprise.ServerNames[tenant]
}

// objection is why a session is not kept or not resumed: the name of the counter that tells. Empty for none.
type objection string

// New reads the settings.
func New(settings *reprise.Settings) *tenants {
	return &tenants{
		requireCertificate: settings.Flag("require-certificate"),
		prefixes:           readPrefixes(settings),
		tenants:            reprise.ReadServerNames(settings, "tenant", readTenant),
	}
}

func (t *tenants) NewSession(connection *reprise.Connection, session *reprise.Session) reprise.NewVerdict {
	owner, objection := t.owner(connection, session)
	if objection != "" {
		reprise.Count(string(objection), 1)
		return reprise.Refuse()
	}
	return reprise.Keep(reprise.Terms{Note: reprise.Some(owner.note())})
}

func (t *tenants) GetSession(connection *reprise.Connection, candidate *reprise.Session) reprise.GetVerdict {
	if objection := t.objectionTo(connection, candidate); objection != "" {
		reprise.Count(string(objection), 1)
		return reprise.FullHandshake
	}
	return reprise.Resume
}

func (t *tenants) objectionTo(connection *reprise.Connection, candidate *reprise.Session) objection {
	wanted, objection := t.owner(connection, candidate)
	if objection != "" {
		return objection
	}
	if candidate.Note.IsNone() {
		return "no_owner"
	}
	noted, ours := ownerOfNote(candidate.Note.Some())
	if !ours {
		return "no_owner"
	}
	if noted != wanted {
		return "other_owner"
	}
	return ""
}

// owner is to whom session would belong on connection, by the settings of today.
func (t *tenants) owner(connection *reprise.Connection, session *reprise.Session) (owner, objection) {
	var who owner
	var rules tenant
	hasTenant := false
	if connection.ServerName.IsSome() {
		rules, hasTenant = t.tenants.Find(connection.ServerName.Some())
	}
	if session.PeerCertificate.IsSome() {
		certificate := session.PeerCertificate.Some()
		switch {
		case !certificate.Verified:
			return who, "unverified"
		case connection.Now < certificate.NotBefore || connection.Now > certificate.NotAfter:
			return who, "not_valid_now"
		case hasTenant && !rules.owns(&certificate):
			return who, "not_of_tenant"
		case len(certificate.Sha256) != len(who.certificate):
			return who, "unverified"
		}
		who.hasCertificate = true
		copy(who.certificate[:], certificate.Sha256)
	} else if t.requireCertificate || hasTenant {
		return who, "no_certificate"
	}
	network, known := t.prefixes.networkOf(connection)
	if !known {
		return who, "no_peer"
	}
	who.network = network
	return who, ""
}
