/**
 * web_config: the file http.web_config, in the form of Prometheus' exporter-toolkit: TLS, users,
 * headers and a rate limit of the HTTP server (docs/web_config.md).
 *
 * A load does not stop at a mistake: it tells all of them, each with file, line, key and remedy.
 * Certificates and keys are named here, and read by whom they are for.
 *
 *   thread   any; a loaded file is constant
 */
#ifndef CONFIG_WEB_CONFIG_H
#define CONFIG_WEB_CONFIG_H

#include "base/buf.h"
#include "config/web_values.h"

/**
 * web_config_load(path, ret, errors, warnings):
 *   ret        to be released
 *   errors, warnings   get lines (with LF)
 *   returns    0; -EINVAL with ret untouched
 */
int web_config_load(const char *path, struct web_config *ret, struct buf *errors,
                    struct buf *warnings);

/* The same with the text in memory, which messages call path, and in whose folder files are. */
int web_config_load_text(const char *path, struct slice text, struct web_config *ret,
                         struct buf *errors, struct buf *warnings);

/* Wipes keys.  { 0 } is fine. */
void web_config_release(struct web_config *c);

#endif
