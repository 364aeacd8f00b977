/**
 * cli_rows: the commands and flags in words, and which command takes which flag.
 *
 * One table for all: the parser refuses by it what a command does not take, --help and
 * `statsd describe commands` and `flags` print it, and from there it comes into the manual and the
 * completions of shells.
 */
#ifndef CMD_CLI_ROWS_H
#define CMD_CLI_ROWS_H

#include "base/buf.h"

/* Sets of commands. */
enum cli_of {
    OF_SERVER = 1,
    OF_CHECK = 2,
    OF_EXPLAIN = 4,
    OF_DESCRIBE = 8,
    OF_CONVERT = 16,
    OF_REDIS_GET = 32,
    OF_REDIS_RANGE = 64,
    OF_REDIS_TOP = 128,
    OF_REDIS_TAIL = 256,
    OF_TOP = 512,
    OF_TAIL = 1024,
    OF_REPLAY = 2048,
    OF_READY = 4096,
    OF_REDIS = OF_REDIS_GET | OF_REDIS_RANGE | OF_REDIS_TOP | OF_REDIS_TAIL,
    OF_CONFIG = OF_SERVER | OF_CHECK | OF_EXPLAIN | OF_REDIS | OF_READY,
    OF_ALL = 8191
};

struct cli_command_row {
    unsigned of;      /* one of OF_... */
    const char *name; /* "check", "redis get"; "statsd": the server itself */
    const char *usage, *meaning;
};

struct cli_flag_row {
    unsigned of;               /* the commands that take it, with this meaning */
    const char *letter, *name; /* "-c" or "", "--config" */
    const char *value;         /* "FILE"; words in lower case are meant as they stand; "": none */
    const char *meaning;
};

/* By number.  A command has a row for each form of it, a flag one for each meaning.
 * returns  NULL past the last one */
const struct cli_command_row *cli_command_row(size_t i);
const struct cli_flag_row *cli_flag_row(size_t i);

/* Append the commands that take it in this meaning: "top, tail". */
void cli_takers(const struct cli_flag_row *flag, struct buf *out);

/* Does one of these commands take the flag ("--config", or by its letter "-c")? */
bool cli_takes(unsigned of, const char *flag);

#endif
