// The export `settings`, for worlds that have it.

#include "reprise_settings.h"

bool exports_reprise_session_cache_settings_configure(policy_list_tuple2_string_string_t *settings,
                                                      policy_string_t *error) {
  char *message = reprise_configure(*settings, policy_configure);
  if (message == NULL) return true;
  *error = (policy_string_t){(uint8_t *)message, strlen(message)};
  return false;
}
