/**
 * config_loader: a config in the making.  What config.c, config_env.c, config_file.c and config_check.c share.
 */
#ifndef CONFIG_CONFIG_LOADER_H
#define CONFIG_CONFIG_LOADER_H

#include "config/config.h"

/* Where values come from; a later one replaces an earlier one. */
enum config_stage { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

struct config_mistake {
    enum config_stage stage;
    unsigned line;                     /* of the file; 0 elsewhere */
    char *text;                        /* owned: origin, message, LF */
};

struct config_loader {
    struct config c;
    struct config_mistake *mistakes;
    size_t n_mistakes, cap_mistakes;
    bool refused[OPTION_COUNT];        /* a value of it was refused, see config_refused in rules.h */
    enum config_stage stage;
    unsigned line;                     /* of the file, while it is read; else 0 */
    uint8_t set_in[OPTION_COUNT];      /* enum config_stage that gave the value */
    unsigned set_line[OPTION_COUNT];   /* and the line */
};

/* One mistake at the place that is being read: origin, then the message. */
void config_loader_error(struct config_loader *l, const char *origin, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Give an option a value; a STRINGS option that this stage has set already gets one more. */
void config_loader_assign(struct config_loader *l, const char *origin, enum option_id id, struct slice value);

/* The same by name; an unknown name is an error with a guess at what was meant. */
void config_loader_assign_named(struct config_loader *l, const char *origin, struct slice section, struct slice key, struct slice value);

/* What is no mistake but probably not meant: into the config's warnings. */
void config_loader_warn(struct config_loader *l, const char *origin, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* config_env.c: the variables STATSD_SECTION_KEY. */
void config_env_read(struct config_loader *l, char *const *env);

/* config_file.c */
void config_file_read(struct config_loader *l, const char *path);
void config_file_parse(struct config_loader *l, const char *name, struct slice text);

/* config_check.c: what no option can know alone; fills the members made of the options. */
void config_check_all(struct config_loader *l);

#endif
