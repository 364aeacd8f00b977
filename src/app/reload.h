/**
 * reload: HUP reads the configuration again.  Private to app/.
 *
 * log_level and log_format change at once, and log_rejected through apply.  Every other option that
 * differs is named in the log and takes effect at the next start.  A configuration with errors
 * changes nothing; its errors are logged.
 *   thread   control
 */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "config/config.h"

/**
 * reload(running, src, apply, cookie):
 *   running  what the server was started with
 *   apply    called with the configuration that was read, unless it has errors; fresh is valid
 *            during the call only
 */
void reload(const struct config *running, const struct config_source *src,
            void (*apply)(void *cookie, const struct config *fresh), void *cookie);

#endif
