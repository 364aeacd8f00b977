/**
 * cli: the command line: `statsd [COMMAND] [OPTIONS] [ARGUMENTS]`.
 *
 * Exit status: 0 ok, 1 failed at run time (explain: or a line has an error; check --test: or a case
 * failed), 2 usage or config error.
 *   thread   main
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <stdio.h>

#include "config/config.h"
#include "core/core_mapping.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* What a command may touch of the world; tests give their own. */
struct cli_io {
    FILE *in, *out, *err;
    char *const *environ;
    unsigned columns; /* of the terminal that out is; 0: it is none */
    /* The server itself.  returns  an exit status */
    int (*run)(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover);
};

/* What argv says. */
struct cli_args {
    struct config_source source; /* -c, --set, and the environment of cli_io */
    const char *framing;         /* --framing, or NULL */
    const char *mapping_out;     /* --mapping-out, or NULL */
    const char *test;            /* --test, or NULL */
    const char *mapping;         /* goes before prometheus.mapping; NULL: nothing does */
    /* Of redis, or NULL: --last, --from, --to, --step, --by, -n, --instance. */
    const char *last, *from, *to, *step, *by, *number, *instance;
    const char *rate, *ca; /* --rate, --ca, or NULL */
    /* Of replay, or NULL: --port, --filter, --speed, --rate, --loop, --for, --limit (and --to). */
    const char *port, *filter, *speed, *loop, *lasting, *limit;
    bool keep_timestamps, outgoing, dry_run;
    bool json, truncated, markdown, takeover, once, insecure, help, version;
    const char *const *rest; /* arguments behind the command */
    size_t n_rest;
};

/* returns  the exit status */
int cli_run(int argc, const char *const *argv, const struct cli_io *io);

/* The same with the streams, environment and server of the process: all of main(). */
int cli_main(int argc, char **argv);

/**
 * cli_config(args, io, ret, ret_mapping):
 * Load the config and its mapping file; mistakes and warnings go to io->err.
 *   returns  CLI_OK; CLI_USAGE with neither ret touched
 */
int cli_config(const struct cli_args *args, const struct cli_io *io, struct config *ret,
               struct core_mapping *ret_mapping);

/* Mistakes, a line each, to io->err, and how many there are in the `where`. */
void cli_mistakes(const struct cli_io *io, const struct buf *errors, const char *where);

/* "statsd: <message>" to io->err, and "see statsd --help".  returns  CLI_USAGE */
int cli_usage(const struct cli_io *io, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write what b holds, and flush.  returns  false: the stream failed */
bool cli_write(FILE *f, const struct buf *b);

/* Our commands and options by number: "check", "--set".  returns  NULL past the last one */
const char *cli_command_name(size_t i);
const char *cli_option_name(size_t i);

/* cli_help.c: append the help of these commands (enum cli_of; 0: of the whole), for lines of that
 * many columns (0: no terminal). */
void cli_help(unsigned of, unsigned columns, struct buf *out);

/**
 * cli_unknown.c: append what is to be said of an option or command that does not exist, with what
 * was probably meant: one line without LF.
 *   arg          "--port", "--port=8125"
 *   value        what stands behind the "=" or in the next argument; NULL: nothing
 *   command      the command of ours that is spelled nearly so; NULL: none is
 */
void cli_unknown_option(const char *arg, const char *value, struct buf *out);
void cli_unknown_command(const char *word, const char *command, struct buf *out);

/* check_test.c: `check --test FILE`.  returns  the exit status */
int check_test(const struct cli_args *args, const struct cli_io *io);

/* The commands, each in NAME.c.  returns  the exit status */
int check_main(const struct cli_args *args, const struct cli_io *io);
int explain_main(const struct cli_args *args, const struct cli_io *io);
int describe_main(const struct cli_args *args, const struct cli_io *io);
int convert_main(const struct cli_args *args, const struct cli_io *io); /* convert/main.c */
int redis_main(const struct cli_args *args, const struct cli_io *io);   /* redis/main.c */
int replay_main(const struct cli_args *args, const struct cli_io *io);  /* replay/main.c */
int top_main(const struct cli_args *args, const struct cli_io *io);     /* live/top.c */
int tail_main(const struct cli_args *args, const struct cli_io *io);    /* live/tail.c */
int ready_main(const struct cli_args *args, const struct cli_io *io);   /* live/ready.c */

#endif
