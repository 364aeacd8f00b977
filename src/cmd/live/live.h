/**
 * live: what `statsd top`, `tail` and `ready` have in common: which server they look at, and how.
 *
 *     client   over HTTP             sse     cuts events out of a stream
 *     model    what top knows        frame   what of it fits on a screen, as text
 *     plain    strangers' text       screen  the terminal (ncurses)
 */
#ifndef CMD_LIVE_LIVE_H
#define CMD_LIVE_LIVE_H

#include <jansson.h>

#include "cmd/cli.h"
#include "cmd/live/client.h"

/**
 * live_opts(args, io, ret):
 * Fill url, ca_file and insecure: --from, else STATSD_URL, else this host.  LC_CTYPE is set.
 *   returns  CLI_OK; CLI_USAGE, which was said
 */
int live_opts(const struct cli_args *args, const struct cli_io *io, struct client_opts *ret);

/* Does STATSD_URL name one? */
bool live_is_named(const struct cli_io *io);

/* A whole number of an option.  NULL: ret keeps its value.  returns  CLI_OK or CLI_USAGE (said) */
int live_number(const struct cli_io *io, const char *option, const char *text, uint64_t least,
                uint64_t most, uint64_t *ret);

/* "statsd: ..." to io->err, escaped; clears error.  returns  CLI_FAILED */
int live_fail(const struct cli_io *io, struct buf *error);

/* Append j on one line, in characters of ASCII that are shown.  returns  false: j is NULL */
bool live_json(const json_t *j, struct buf *out);

/* Do nothing for so long. */
void live_sleep_ms(unsigned ms);

#endif
