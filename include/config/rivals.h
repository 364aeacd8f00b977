/**
 * rivals: the options of other StatsD servers, and what this one calls them.
 *
 * For messages only: no such name is accepted.  They are those of statsd_exporter, etsy's statsd
 * (flags and keys of its config), gostatsd, brubeck, statsite, bitly's statsdaemon, telegraf,
 * veneur, Datadog's agent, and some that daemons of any kind have.
 *   thread   any (constant)
 */
#ifndef CONFIG_RIVALS_H
#define CONFIG_RIVALS_H

#include "config/options.h"

struct rival;

/**
 * rival_find(name):
 *   name     with or without leading dashes and "=value"; case does not matter, nor which of
 *            - _ . separates
 *   returns  the row; NULL: there is none
 */
const struct rival *rival_find(struct slice name);

/* Whether a value belongs to the option: `--port 8125`, `--port=8125`. */
bool rival_takes_value(const struct rival *r);

/**
 * rival_answer(r, value, out):
 * Append what to write here instead ("write --set listen.socket=udp://0.0.0.0:9125"), or why there
 * is nothing to write.
 *   value    what was given; it is translated where its form differs.  NULL: none was given
 */
void rival_answer(const struct rival *r, const char *value, struct buf *out);

/* returns  the option that does the same here; OPTION_COUNT: none */
enum option_id rival_option(struct slice name);

#endif
