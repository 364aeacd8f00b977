/**
 * tag_options: the options that cut tags out of lines and add tags to series, as the rooms below
 * take them.
 *
 *     aggregate.drop_tags      keys, or with a `*` at the end how keys start
 *     aggregate.global_tags    key:value
 *     prometheus.exemplar_tag  one key
 *
 * The first two may repeat, and one value may hold several, separated by commas.
 *   thread   any
 */
#ifndef CORE_TAG_OPTIONS_H
#define CORE_TAG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "config/config.h"
#include "protocol/parse_opts.h"
#include "protocol/tags.h"

struct config_loader;

/* struct config has it as tags; its slices point into the config's texts. */
struct tag_options {
    struct tag_cut cut[TAG_CUTS_MAX];
    struct tag added[TAGS_ADDED_MAX]; /* as tags_opts takes them */
    uint32_t n_cut, n_added;
    struct slice exemplar; /* in cut, too; len 0: none */
};

/* As config_rules.value; true for all other options. */
bool tag_options_value(enum option_id id, struct slice value, struct buf *why);

/* As config_rules.whole: makes c->tags, which is to be freed. */
void tag_options_whole(struct config_loader *l, struct config *c);

/* Are tags of that key cut out of lines? */
bool tag_options_cuts(const struct tag_options *t, struct slice key);

#endif
