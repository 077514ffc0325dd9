#pragma once

#include "reprise.hpp"

/// Policy: a session resumes within an hour of its full handshake.
struct Fresh : reprise::Policy {
  explicit Fresh(reprise::Settings &) {}

  reprise::GetVerdict get_session(const reprise::Connection &connection, const reprise::Session &candidate) override {
    bool old = connection.now > candidate.authenticated + 3600;
    return old ? reprise::GetVerdict::full_handshake : reprise::GetVerdict::resume;
  }
};
