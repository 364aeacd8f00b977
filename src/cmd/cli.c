/**
 *   cli_run
 *     read_argv       argv -> struct reading, by the tables `options` and `commands`
 *       take_option     one of `options`, or another server's (take_foreign)
 *       take_word       the command, or one of its arguments
 *     check_takes     does the command take all that was given?
 *     command->main   run_main, check_main, explain_main, describe_main, convert_main, redis_main,
 *                     top_main, tail_main, ready_main, replay_main
 *
 * A further command is a file with its NAME_main and a row of `commands`; a further option a row of
 * `options` and a member of struct cli_args.  Both are rows of cli_rows.c, too, which says which
 * command takes what.
 */
#include "cmd/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "app/version.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/cli_rows.h"

#include "config/guess.h"
#include "config/option_value.h"
#include "config/rivals.h"

static int run_main(const struct cli_args *args, const struct cli_io *io)
{
    struct config c;
    struct core_mapping mapping;
    int rc = cli_config(args, io, &c, &mapping);
    if (rc != CLI_OK)
        return rc;
    rc = io->run(&c, &mapping, &args->source, args->takeover);
    core_mapping_release(&mapping);
    config_release(&c);
    return rc;
}

/* clang-format off */
static const struct command {
    const char *name; /* "": no command, the server itself */
    unsigned of;      /* its rows in cli_rows.c */
    bool takes_args;
    int (*main)(const struct cli_args *args, const struct cli_io *io);
} commands[] = {
    { "",         OF_SERVER,   false, run_main      },
    { "check",    OF_CHECK,    false, check_main    },
    { "explain",  OF_EXPLAIN,  true,  explain_main  },
    { "describe", OF_DESCRIBE, true,  describe_main },
    { "convert",  OF_CONVERT,  true,  convert_main  },
    { "redis",    OF_REDIS,    true,  redis_main    },
    { "top",      OF_TOP,      false, top_main      },
    { "tail",     OF_TAIL,     true,  tail_main     },
    { "ready",    OF_READY,    false, ready_main    },
    { "replay",   OF_REPLAY,   true,  replay_main   },
};

enum value { SWITCH, ONE_VALUE, MANY_VALUES /* of --set: struct reading keeps them */ };

#define ARG(member) offsetof(struct cli_args, member)

static const struct option {
    const char *name, *letter; /* "--config"; "-c", or NULL: it has none */
    enum value value;
    size_t to;                 /* its member: SWITCH a bool, ONE_VALUE a const char * */
    const char *needs;         /* what its value is */
} options[] = {
    { "--config",          "-c", ONE_VALUE,   ARG(source.file),     "a FILE" },
    { "--set",             NULL, MANY_VALUES, ARG(source.sets),     "SECTION.KEY=VALUE" },
    { "--framing",         NULL, ONE_VALUE,   ARG(framing),         "datagram, line or dsd" },
    { "--json",            NULL, SWITCH,      ARG(json),            NULL },
    { "--truncated",       NULL, SWITCH,      ARG(truncated),       NULL },
    { "--markdown",        NULL, SWITCH,      ARG(markdown),        NULL },
    { "--mapping-out",     NULL, ONE_VALUE,   ARG(mapping_out),     "a FILE" },
    { "--test",            NULL, ONE_VALUE,   ARG(test),            "a FILE" },
    { "--takeover",        NULL, SWITCH,      ARG(takeover),        NULL },
    { "--last",            NULL, ONE_VALUE,   ARG(last),            "a time such as 10m" },
    { "--from",            NULL, ONE_VALUE,   ARG(from),            "a time (redis), or a URL" },
    { "--to",              NULL, ONE_VALUE,   ARG(to),              "a time, or an address" },
    { "--step",            NULL, ONE_VALUE,   ARG(step),            "a time such as 1m" },
    { "--by",              NULL, ONE_VALUE,   ARG(by),              "what to go by" },
    { "--number",          "-n", ONE_VALUE,   ARG(number),          "a number" },
    { "--instance",        NULL, ONE_VALUE,   ARG(instance),        "a name" },
    { "--once",            NULL, SWITCH,      ARG(once),            NULL },
    { "--ca",              NULL, ONE_VALUE,   ARG(ca),              "a FILE" },
    { "--insecure",        NULL, SWITCH,      ARG(insecure),        NULL },
    { "--port",            NULL, ONE_VALUE,   ARG(port),            "a number" },
    { "--filter",          NULL, ONE_VALUE,   ARG(filter),
      "an expression such as 'udp port 8125'" },
    { "--speed",           NULL, ONE_VALUE,   ARG(speed),           "a factor such as 10, or max" },
    { "--rate",            NULL, ONE_VALUE,   ARG(rate),            "lines a second" },
    { "--loop",            NULL, ONE_VALUE,   ARG(loop),            "a number, or forever" },
    { "--for",             NULL, ONE_VALUE,   ARG(lasting),         "a time such as 30s" },
    { "--limit",           NULL, ONE_VALUE,   ARG(limit),           "a number of packets" },
    { "--keep-timestamps", NULL, SWITCH,      ARG(keep_timestamps), NULL },
    { "--outgoing",        NULL, SWITCH,      ARG(outgoing),        NULL },
    { "--dry-run",         NULL, SWITCH,      ARG(dry_run),         NULL },
    { "--help",            "-h", SWITCH,      ARG(help),            NULL },
    { "--version",         "-V", SWITCH,      ARG(version),         NULL },
};
/* clang-format on */

enum { OPTIONS = ARRAY_LEN(options) };

const char *cli_command_name(size_t i)
{
    return i + 1 < ARRAY_LEN(commands) ? commands[i + 1].name : NULL;
}

const char *cli_option_name(size_t i)
{
    return i < OPTIONS ? options[i].name : NULL;
}

int cli_usage(const struct cli_io *io, const char *format, ...)
{
    va_list args;
    fputs("statsd: ", io->err);
    va_start(args, format);
    vfprintf(io->err, format, args);
    va_end(args);
    fputs("\nsee statsd --help\n", io->err);
    return CLI_USAGE;
}

bool cli_write(FILE *f, const struct buf *b)
{
    return (b->len == 0 || fwrite(b->ptr, 1, b->len, f) == b->len) && fflush(f) == 0;
}

static size_t count_lines(const struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->ptr[i] == '\n';
    return n;
}

void cli_mistakes(const struct cli_io *io, const struct buf *errors, const char *where)
{
    size_t n = count_lines(errors);
    cli_write(io->err, errors);
    fprintf(io->err, "statsd: %zu mistake%s in the %s\n", n, n == 1 ? "" : "s", where);
}

int cli_config(const struct cli_args *args, const struct cli_io *io, struct config *ret,
               struct core_mapping *ret_mapping)
{
    struct buf errors = { 0 };
    struct config c;
    int rc = config_load(&args->source, &c, &errors);
    if (rc < 0) {
        cli_mistakes(io, &errors, "config");
        buf_release(&errors);
        return CLI_USAGE;
    }
    struct slice rest = buf_slice(&c.warnings), line;
    while (slice_cut(&rest, '\n', &line))
        fprintf(io->err, "statsd: warning: %.*s\n", (int)line.len, line.ptr);
    if (args->mapping != NULL) {
        option_value_clear(&c, OPTION_prometheus_mapping);
        c.prometheus_mapping = mem_strdup(args->mapping);
    }
    rc = core_mapping_load(&c, ret_mapping, &errors);
    if (rc < 0) {
        cli_mistakes(io, &errors, "mapping");
        config_release(&c);
    } else {
        *ret = c;
    }
    buf_release(&errors);
    return rc < 0 ? CLI_USAGE : CLI_OK;
}

/* argv while it is read. */
struct reading {
    int argc, at; /* argv[at] is being read */
    const char *const *argv;
    struct cli_args args;
    const struct command *command; /* NULL: no word was met yet */
    const char **sets, **rest;     /* owned, room for argc each */
    bool given[OPTIONS];
    struct buf foreign; /* a line for each option that is none of ours */
};

static void reading_check(const struct reading *r)
{
    assert(r->at >= 1 && r->at < r->argc);
    assert(r->args.source.n_sets + r->args.n_rest < (size_t)r->argc);
    assert(r->args.n_rest == 0 || r->command != NULL);
}

/* What an option is called in messages. */
static const char *called(const struct option *o)
{
    return o->letter != NULL ? o->letter : o->name;
}

/**
 * is_given(o, arg, ret):
 * Is arg this option?  "-c", "--config", "--config=FILE".
 *   ret      what stands behind '='; NULL: there is none
 */
static bool is_given(const struct option *o, const char *arg, const char **ret)
{
    size_t n = strlen(o->name);
    *ret = NULL;
    if (strcmp(arg, o->name) == 0 || (o->letter != NULL && strcmp(arg, o->letter) == 0))
        return true;
    if (o->value == SWITCH || strncmp(arg, o->name, n) != 0 || arg[n] != '=')
        return false;
    *ret = arg + n + 1;
    return true;
}

static int keep_value(struct reading *r, const struct option *o, const char *value,
                      const struct cli_io *io)
{
    const char **to = (const char **)(void *)((char *)&r->args + o->to);
    if (value == NULL && r->at + 1 < r->argc)
        value = r->argv[++r->at];
    if (value == NULL || (o->value == ONE_VALUE && value[0] == '\0'))
        return cli_usage(io, "%s needs %s", called(o), o->needs);
    if (o->value == MANY_VALUES)
        r->sets[r->args.source.n_sets++] = value;
    else if (*to != NULL)
        return cli_usage(io, "%s is given twice", called(o));
    else
        *to = value;
    return CLI_OK;
}

/* An option that is none of ours.  One of another server's takes its value along, so that all of
 * them are answered in one go. */
static int take_foreign(struct reading *r)
{
    const char *arg = r->argv[r->at], *value = strchr(arg, '=');
    const struct rival *known = rival_find(slice_str(arg));
    if (value != NULL)
        value++;
    else if (known != NULL && rival_takes_value(known) && r->at + 1 < r->argc &&
             r->argv[r->at + 1][0] != '-')
        value = r->argv[++r->at];
    buf_append_str(&r->foreign, "statsd: ");
    cli_unknown_option(arg, value, &r->foreign);
    buf_append_char(&r->foreign, '\n');
    return known != NULL ? CLI_OK : CLI_USAGE;
}

/* Is that another server's option, and one of ours only behind another command?  `--port` is.
 * `--test` and `--json` are not: theirs take no value, and can mean one thing here. */
static bool is_rivals(const struct reading *r, const struct option *o)
{
    const struct command *c = r->command != NULL ? r->command : &commands[0];
    if (cli_takes(c->of, o->name))
        return false;
    const struct rival *rival = rival_find(slice_str(r->argv[r->at]));
    return rival != NULL && rival_takes_value(rival) && o->value != SWITCH;
}

static int take_option(struct reading *r, const struct cli_io *io)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *o = &options[i];
        const char *value;
        if (!is_given(o, r->argv[r->at], &value) || is_rivals(r, o))
            continue;
        r->given[i] = true;
        if (o->value != SWITCH)
            return keep_value(r, o, value, io);
        *(bool *)((char *)&r->args + o->to) = true;
        return CLI_OK;
    }
    return take_foreign(r);
}

static int take_word(struct reading *r, const struct cli_io *io)
{
    const char *word = r->argv[r->at], *guess = NULL;
    if (r->command != NULL) {
        r->rest[r->args.n_rest++] = word;
        return CLI_OK;
    }
    for (size_t i = 1; i < ARRAY_LEN(commands); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            r->command = &commands[i];
            return CLI_OK;
        }
        if (guess_distance(slice_str(word), slice_str(commands[i].name), 2) <= 2)
            guess = commands[i].name;
    }
    struct buf answer = { 0 };
    cli_unknown_command(word, guess, &answer);
    cli_usage(io, "%.*s", (int)answer.len, answer.ptr);
    buf_release(&answer);
    return CLI_USAGE;
}

static int read_argv(struct reading *r, const struct cli_io *io)
{
    bool may_be_option = true;
    for (r->at = 1; r->at < r->argc; r->at++) {
        const char *arg = r->argv[r->at];
        reading_check(r);
        if (may_be_option && strcmp(arg, "--") == 0) {
            may_be_option = false;
            continue;
        }
        /* "-" alone is a word; so is everything behind "--". */
        bool is_option = may_be_option && arg[0] == '-' && arg[1] != '\0';
        int rc = is_option ? take_option(r, io) : take_word(r, io);
        if (rc != CLI_OK)
            return rc;
    }
    if (r->command == NULL)
        r->command = &commands[0];
    return CLI_OK;
}

static int check_takes(const struct reading *r, const struct cli_io *io)
{
    const struct command *c = r->command;
    for (size_t i = 0; i < OPTIONS; i++) {
        if (r->given[i] && !cli_takes(c->of, options[i].name))
            return cli_usage(io, "%s does not take %s", c->name[0] ? c->name : "running",
                             called(&options[i]));
    }
    if (r->args.n_rest > 0 && !c->takes_args)
        return cli_usage(io, "%s takes no arguments; a config file is given as -c FILE", c->name);
    return CLI_OK;
}

/* The command, or the part of redis that is named behind it.  0: the whole */
static unsigned asked_of(const struct reading *r)
{
    const struct cli_command_row *row;
    size_t n = strlen("redis ");
    for (size_t i = 0; r->args.n_rest > 0 && (row = cli_command_row(i)) != NULL; i++) {
        if ((row->of & r->command->of & OF_REDIS) != 0 && strcmp(row->name + n, r->rest[0]) == 0)
            return row->of;
    }
    return r->command->of == OF_SERVER ? 0 : r->command->of;
}

static int print_help(const struct reading *r, const struct cli_io *io)
{
    struct buf out = { 0 };
    cli_help(asked_of(r), io->columns, &out);
    bool written = cli_write(io->out, &out);
    buf_release(&out);
    return written ? CLI_OK : CLI_FAILED;
}

static int dispatch(struct reading *r, const struct cli_io *io)
{
    int rc = read_argv(r, io);
    if (r->foreign.len > 0) {
        cli_write(io->err, &r->foreign);
        fputs("see statsd --help\n", io->err);
        return CLI_USAGE;
    }
    if (rc != CLI_OK)
        return rc;
    if (r->args.help)
        return print_help(r, io);
    if (r->args.version) {
        fprintf(io->out, "statsd %s (%s)\n", version_text, version_commit);
        return fflush(io->out) == 0 ? CLI_OK : CLI_FAILED;
    }
    rc = check_takes(r, io);
    if (rc != CLI_OK)
        return rc;
    r->args.source.environ = io->environ;
    r->args.source.sets = r->sets;
    r->args.rest = r->rest;
    return r->command->main(&r->args, io);
}

int cli_run(int argc, const char *const *argv, const struct cli_io *io)
{
    size_t room = (size_t)(argc > 0 ? argc : 1) * sizeof(char *);
    struct reading r = { .argc = argc, .argv = argv };
    r.sets = mem_zalloc(room);
    r.rest = mem_zalloc(room);
    int rc = dispatch(&r, io);
    if (rc == CLI_FAILED && ferror(io->out))
        fprintf(io->err, "statsd: cannot write standard output: %s\n",
                err_text(errno)); /* of the write: free leaves errno alone */
    buf_release(&r.foreign);
    free(r.sets);
    free(r.rest);
    return rc;
}
