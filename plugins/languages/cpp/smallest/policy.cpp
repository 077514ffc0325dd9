#include "policy.hpp"

REPRISE_EXPORT(Fresh)
