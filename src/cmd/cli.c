#include "cmd/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "app/version.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/guess.h"
#include "config/rivals.h"

static int run_main(const struct cli_args *args, const struct cli_io *io)
{
    struct config c;
    int rc = cli_config(args, io, &c);
    if (rc != CLI_OK)
        return rc;
    rc = io->run(&c, &args->source);
    config_release(&c);
    return rc;
}

/* Which options a command takes. */
enum { TAKES_CONFIG = 1, TAKES_EXPLAIN = 2, TAKES_MARKDOWN = 4, TAKES_ARGS = 8 };

static const struct command {
    const char *name;
    unsigned takes;
    int (*main)(const struct cli_args *args, const struct cli_io *io);
} commands[] = {
    { "",         TAKES_CONFIG,                              run_main      },
    { "check",    TAKES_CONFIG,                              check_main    },
    { "explain",  TAKES_CONFIG | TAKES_EXPLAIN | TAKES_ARGS, explain_main  },
    { "describe", TAKES_MARKDOWN | TAKES_ARGS,               describe_main },
};

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

int cli_config(const struct cli_args *args, const struct cli_io *io, struct config *ret)
{
    struct buf errors = { 0 };
    int rc = config_load(&args->source, ret, &errors);
    if (rc < 0) {
        size_t n = count_lines(&errors);
        cli_write(io->err, &errors);
        fprintf(io->err, "statsd: %zu mistake%s in the config\n", n, n == 1 ? "" : "s");
    } else {
        struct slice rest = buf_slice(&ret->warnings), line;
        while (slice_cut(&rest, '\n', &line))
            fprintf(io->err, "statsd: warning: %.*s\n", (int)line.len, line.ptr);
    }
    buf_release(&errors);
    return rc < 0 ? CLI_USAGE : CLI_OK;
}

/* argv while it is being read. */
struct reading {
    int argc, at;
    const char *const *argv;
    struct cli_args args;
    const struct command *command;
    const char **sets, **rest;
    unsigned used;               /* what the options given ask the command to take */
    const char *used_names[3];   /* one of them for each bit, for the message */
    struct buf foreign;          /* lines about options that are another server's */
};

static void note_used(struct reading *r, unsigned bit, const char *name)
{
    r->used |= 1u << bit;
    r->used_names[bit] = name;
}

/* An option with a value: `--set X` or `--set=X`.  returns  1 taken, 0 another option, -1 the value is missing */
static int take_value(struct reading *r, const char *name, const char **ret)
{
    const char *arg = r->argv[r->at];
    size_t n = strlen(name);
    if (strncmp(arg, name, n) != 0)
        return 0;
    if (arg[n] == '=' && name[1] == '-') {
        *ret = arg + n + 1;
        return 1;
    }
    if (arg[n] != '\0')
        return 0;
    if (r->at + 1 >= r->argc)
        return -1;
    *ret = r->argv[++r->at];
    return 1;
}

static bool take_switch(struct reading *r)
{
    const struct {
        const char *name;
        bool *to;
        int bit;   /* of TAKES_..., -1: always fine */
    } switches[] = {
        { "--json", &r->args.json, 1 },          { "--truncated", &r->args.truncated, 1 },
        { "--markdown", &r->args.markdown, 2 },  { "--help", &r->args.help, -1 },
        { "-h", &r->args.help, -1 },             { "--version", &r->args.version, -1 },
        { "-V", &r->args.version, -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        if (strcmp(r->argv[r->at], switches[i].name) == 0) {
            *switches[i].to = true;
            if (switches[i].bit >= 0)
                note_used(r, (unsigned)switches[i].bit, switches[i].name);
            return true;
        }
    }
    return false;
}

/* An option that is not ours.  One known to have a value takes it along, so that all foreign ones are told in one go. */
static int take_foreign(struct reading *r)
{
    const char *arg = r->argv[r->at], *value = strchr(arg, '=');
    const struct rival *known = rival_find(slice_str(arg));
    if (value != NULL)
        value++;
    else if (known != NULL && rival_takes_value(known) && r->at + 1 < r->argc && r->argv[r->at + 1][0] != '-')
        value = r->argv[++r->at];
    buf_append_str(&r->foreign, "statsd: ");
    cli_unknown_option(arg, value, &r->foreign);
    buf_append_char(&r->foreign, '\n');
    return known != NULL ? CLI_OK : CLI_USAGE;
}

static int take_option(struct reading *r, const struct cli_io *io)
{
    const char *value = NULL;
    int got;
    if (take_switch(r))
        return CLI_OK;
    if ((got = take_value(r, "-c", &value)) != 0 || (got = take_value(r, "--config", &value)) != 0) {
        if (got < 0 || value[0] == '\0')
            return cli_usage(io, "-c needs a FILE");
        if (r->args.source.file != NULL)
            return cli_usage(io, "-c is given twice; there is one config file");
        r->args.source.file = value;
        note_used(r, 0, "-c");
        return CLI_OK;
    }
    if ((got = take_value(r, "--set", &value)) != 0) {
        if (got < 0)
            return cli_usage(io, "--set needs SECTION.KEY=VALUE");
        r->sets[r->args.source.n_sets++] = value;
        note_used(r, 0, "--set");
        return CLI_OK;
    }
    if ((got = take_value(r, "--framing", &r->args.framing)) != 0) {
        if (got < 0)
            return cli_usage(io, "--framing needs datagram, line or dsd");
        note_used(r, 1, "--framing");
        return CLI_OK;
    }
    return take_foreign(r);
}

static int take_word(struct reading *r, const struct cli_io *io)
{
    const char *word = r->argv[r->at];
    if (r->command != NULL) {
        r->rest[r->args.n_rest++] = word;
        return CLI_OK;
    }
    const char *guess = NULL;
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
    bool options = true;
    for (r->at = 1; r->at < r->argc; r->at++) {
        const char *arg = r->argv[r->at];
        int rc;
        if (options && strcmp(arg, "--") == 0) {
            options = false;
            continue;
        }
        /* "-" alone is a word; so is everything behind "--". */
        if (options && arg[0] == '-' && arg[1] != '\0')
            rc = take_option(r, io);
        else
            rc = take_word(r, io);
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
    for (unsigned bit = 0; bit < 3; bit++) {
        if ((r->used >> bit & 1) && !(c->takes >> bit & 1))
            return cli_usage(io, "%s%s does not take %s", c->name[0] ? "" : "running", c->name, r->used_names[bit]);
    }
    if (r->args.n_rest > 0 && !(c->takes & TAKES_ARGS))
        return cli_usage(io, "%s takes no arguments; a config file is given as -c FILE", c->name);
    return CLI_OK;
}

static int print_help(const struct cli_io *io)
{
    struct buf out = { 0 };
    cli_help(io->columns, &out);
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
        return print_help(io);
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
        fprintf(io->err, "statsd: cannot write standard output: %s\n", err_text(errno));   /* free leaves errno alone */
    buf_release(&r.foreign);
    free(r.sets);
    free(r.rest);
    return rc;
}
