/**
 * config_env: values from the environment, STATSD_SECTION_KEY.
 */
#ifndef CONFIG_CONFIG_ENV_H
#define CONFIG_CONFIG_ENV_H

#include "config/config_loader.h"

/* env: as environ, or NULL: none.  Variables that other programs read under STATSD_ are left
 * alone. */
void config_env_read(struct config_loader *l, char *const *env);

#endif
