/**
 * config_loader: a config while it is being read.
 *
 * Four stages give values, each replacing those of the stage before: defaults, file (config_file),
 * environment (config_env), flags (config.c).  Then config_cross looks at all values together.
 * None of them stops at a mistake: each adds it here, and config.c prints them in order at the end.
 */
#ifndef CONFIG_CONFIG_LOADER_H
#define CONFIG_CONFIG_LOADER_H

#include "config/config_values.h"

enum config_stage { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

struct config_mistake {
    enum config_stage stage; /* whose value is wrong */
    unsigned line;           /* of the file; 0 elsewhere */
    char *text;              /* owned: origin, message, LF */
};

struct config_loader {
    struct config c;
    struct config_mistake *mistakes;
    size_t n_mistakes, cap_mistakes;
    enum config_stage stage;         /* being read */
    unsigned line;                   /* being read, from 1; 0 outside of the file */
    bool refused[OPTION_COUNT];      /* a value of it was refused, see config_refused in rules.h */
    uint8_t set_in[OPTION_COUNT];    /* enum config_stage that gave its value last */
    unsigned set_line[OPTION_COUNT]; /* and the line there */
};

/* Assert the invariants of l. */
void config_loader_check(const struct config_loader *l);

/**
 * config_loader_begin(l, stage):
 * Values come from this stage from here on; stages come in the order of the enum.
 */
void config_loader_begin(struct config_loader *l, enum config_stage stage);

/**
 * config_loader_assign(l, origin, id, value):
 * Give an option a value, or add a mistake.  A STRINGS option that this stage has set already gets
 * one more; otherwise the value replaces that of the stage before.
 *   origin   where the value stands: "statsd.conf:12", "STATSD_HTTP_LISTEN", "--set"
 */
void config_loader_assign(struct config_loader *l, const char *origin, enum option_id id,
                          struct slice value);

/* The same by name; a name that is no option's is a mistake, told with the nearest one that is. */
void config_loader_assign_named(struct config_loader *l, const char *origin, struct slice section,
                                struct slice key, struct slice value);

/* Add the mistake that name is no option; meant: OPTION_COUNT, or the one to propose. */
void config_loader_no_option(struct config_loader *l, const char *origin, struct slice name,
                             enum option_id meant);

/* Add a mistake at the place that is being read. */
void config_loader_error(struct config_loader *l, const char *origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add a line to the config's warnings: no mistake, but probably not meant. */
void config_loader_warn(struct config_loader *l, const char *origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * config_loader_take_mistakes(l, out):
 * Append all mistakes and forget them: by stage, those of the file by line, those of one line in
 * the order in which they were found.
 *   returns  how many there were
 */
size_t config_loader_take_mistakes(struct config_loader *l, struct buf *out);

#endif
