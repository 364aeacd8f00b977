/**
 * cli: the command line: `statsd [COMMAND] [OPTIONS] [ARGUMENTS]`.
 *
 * Exit status: 0 ok, 1 failed at run time (explain: or a line has an error), 2 usage or config error.
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <stdio.h>

#include "config/config.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* What a command may touch of the world. */
struct cli_io {
    FILE *in, *out, *err;
    char *const *environ;
    unsigned columns;              /* of the terminal that out is, 0: out is none */
    int (*run)(const struct config *c, const struct config_source *src);   /* the server itself; returns an exit status */
};

/* All that argv says. */
struct cli_args {
    struct config_source source;   /* -c, --set, and the environment */
    const char *framing;           /* --framing, or NULL */
    bool json, truncated, markdown, help, version;
    const char *const *rest;       /* arguments behind the command */
    size_t n_rest;
};

int cli_run(int argc, const char *const *argv, const struct cli_io *io);

/* The same with the process' own streams, environment and server: all of main(). */
int cli_main(int argc, char **argv);

/**
 * cli_config(args, io, ret):
 * Load the config; mistakes go to io->err.
 *   returns  CLI_OK, or CLI_USAGE with ret untouched
 */
int cli_config(const struct cli_args *args, const struct cli_io *io, struct config *ret);

/* "statsd: <message>" to io->err, and "see statsd --help".  returns  CLI_USAGE */
int cli_usage(const struct cli_io *io, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write what b holds; false: the stream failed. */
bool cli_write(FILE *f, const struct buf *b);

/* cli_help.c.  columns as in cli_io */
void cli_help(unsigned columns, struct buf *out);

/**
 * cli_unknown.c: what is none of ours, answered with what was probably meant.  Append one line without LF.
 *   arg          "--port", "--port=8125"
 *   value        what stands behind the "=", or in the next argument; NULL: nothing
 *   command      the command of ours that is spelled nearly so, or NULL
 */
void cli_unknown_option(const char *arg, const char *value, struct buf *out);
void cli_unknown_command(const char *word, const char *command, struct buf *out);

/* The commands: check.c, explain.c, describe.c. */
int check_main(const struct cli_args *args, const struct cli_io *io);
int explain_main(const struct cli_args *args, const struct cli_io *io);
int describe_main(const struct cli_args *args, const struct cli_io *io);

#endif
