/**
 * convert: the servers whose configs `statsd convert` reads, a file for each.
 *
 * A converter reads a text into a struct convert (out.h): what has a counterpart becomes an option,
 * what has none a comment, and what it cannot understand a mistake.
 *   thread   main
 */
#ifndef CMD_CONVERT_CONVERT_H
#define CMD_CONVERT_CONVERT_H

#include "cmd/convert/out.h"
#include "cmd/convert/tree.h"
#include "cmd/convert/words.h"

/* flags.c: the command line of statsd_exporter, with what it does where nothing is given. */
void convert_flags(struct convert *c, const struct words *words);

/* The others: root is the whole config, a map. */
void convert_datadog(struct convert *c, const struct tree *root); /* datadog.c */
void convert_brubeck(struct convert *c, const struct tree *root); /* brubeck.c */
void convert_etsy(struct convert *c, const struct tree *root);    /* etsy.c */

/* mapper.c: the rules of a mapping file that do what dogstatsd_mapper_profiles, the namespace and
 * the lists of names in datadog.yaml do. */
void convert_mapper(struct convert *c, const struct tree *root);

/* keys.c: what converters of trees have in common. */

/* Follow the row of rivals.h that the key has, or say that it is unknown: for keys that mean one
 * option, whatever the others are. */
void convert_key(struct convert *c, enum rival_server server, const struct tree *t);

/* returns  the text of a value; NULL: it is missing, or a mistake that is added */
const char *convert_text(struct convert *c, const struct tree *t);

/* Quantiles, rising and each once, however they are added. */
enum { CONVERT_QUANTILES_MAX = 32 };
struct quantiles {
    double at[CONVERT_QUANTILES_MAX];
    size_t n;
};

/* returns  false: there are CONVERT_QUANTILES_MAX others */
bool quantiles_add(struct quantiles *q, double v);

/* Make them aggregate.quantiles, if there are any. */
void quantiles_set(struct convert *c, struct place at, const struct quantiles *q);

/* Receive on udp://HOST:PORT; host may be an IPv6 address. */
void convert_udp(struct convert *c, struct place at, const char *host, const char *port);

/* "HOST:PORT", in brackets where host is an IPv6 address. */
void convert_address(const char *host, const char *port, struct buf *out);

/* The place of a value; NULL: none. */
struct place convert_place(const struct tree *t);

#endif
