/**
 * Answers to options and commands that do not exist: what was probably meant, by the options of
 * other servers (config/rivals.h), by slips of ours, by what the word looks like.
 */
#include "cmd/cli.h"

#include <unistd.h>

#include "config/escape.h"
#include "config/guess.h"
#include "config/rivals.h"

static bool is_metric(const char *s)
{
    const char *colon = strchr(s, ':');
    return colon != NULL && strchr(colon, '|') != NULL;
}

/* The option of ours that is spelled nearly so; name is without dashes.  NULL: none is, and a
 * letter or two are near to too many. */
static const char *nearest_own(struct slice name)
{
    size_t limit = name.len < 3 ? 0 : name.len < 5 ? 1 : 2;
    const char *own;
    for (size_t i = 0; (own = cli_option_name(i)) != NULL; i++) {
        if (guess_distance(name, slice_str(own + 2), limit) <= limit)
            return own;
    }
    return NULL;
}

static void put_own_option(enum option_id id, const char *value, struct buf *out)
{
    const struct option_row *o = &options_table[id];
    buf_printf(out, "; write --set %s.%s=", o->section, o->key);
    if (value != NULL && o->kind != OPTION_SECRET)
        escape_url(slice_str(value), out);
    else
        buf_append_str(out, "VALUE");
}

void cli_unknown_option(const char *arg, const char *value, struct buf *out)
{
    struct slice name = slice_of(arg, strcspn(arg, "=")), bare = name;
    while (bare.len > 0 && bare.ptr[0] == '-')
        bare = slice_of(bare.ptr + 1, bare.len - 1);
    const struct rival *rival = rival_find(name);
    enum option_id id = guess_name(bare);
    const char *own = nearest_own(bare);
    buf_append_str(out, "no such option: ");
    escape_short(name, out);
    if (rival != NULL) {
        buf_append_str(out, "; ");
        rival_answer(rival, value, out);
    } else if (own != NULL)
        buf_printf(out, "; did you mean %s?", own);
    else if (id != OPTION_COUNT)
        put_own_option(id, value, out);
    else if (is_metric(arg))
        buf_append_str(out, "; a LINE that begins with - stands behind --");
    else if (strncmp(arg, "-c", 2) == 0 && strpbrk(arg, "=/.") != NULL) {
        buf_append_str(out, "; did you mean -c ");
        escape_url(slice_str(arg + (arg[2] == '=' ? 3 : 2)), out);
        buf_append_char(out, '?');
    }
}

static bool is_file(const char *word)
{
    return strpbrk(word, "/.") != NULL || access(word, F_OK) == 0;
}

static void put_file(const char *word, struct buf *out)
{
    static const char *const others[] = { ".js", ".json", ".yml", ".yaml", ".toml" };
    buf_append_str(out, "; to use a config file, write -c ");
    escape_short(slice_str(word), out);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_ends(slice_str(word), slice_str(others[i])))
            buf_append_str(out, ", in the format of statsd.conf.example");
    }
}

/* "8125", ":8125", "127.0.0.1:8125" */
static bool is_address(const char *word)
{
    const char *port = strrchr(word, ':');
    port = port != NULL ? port + 1 : word;
    return *port != '\0' && port[strspn(port, "0123456789")] == '\0' && strchr(word, '/') == NULL;
}

static const char *word_meaning(const char *word)
{
    static const struct {
        const char *word, *meaning;
    } words[] = {
        { "run", "to run, give no command" },
        { "start", "to run, give no command" },
        { "serve", "to run, give no command" },
        { "server", "to run, give no command" },
        { "daemon", "to run, give no command" },
        { "help", "write --help" },
        { "version", "write --version" },
        { "validate", "write check" },
        { "test", "write check" },
        { "lint", "write check" },
        { "config", "write check, or -c FILE" },
        { "parse", "write explain" },
        { "options", "write describe options" },
        { "metrics", "write describe metrics" },
        { "reasons", "write describe reasons" },
        { "syscalls", "write describe syscalls" },
        { "commands", "write describe commands" },
        { "flags", "write describe flags" },
        { "health", "write ready" },
        { "healthy", "write ready" },
        { "healthcheck", "write ready" },
        { "ping", "write ready" },
        { "stop", "send TERM to the process" },
        { "reload", "send HUP to the process" },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].meaning;
    }
    return NULL;
}

static void put_commands(struct buf *out)
{
    const char *name;
    buf_append_str(out, "; there are ");
    for (size_t i = 0; (name = cli_command_name(i)) != NULL; i++)
        buf_printf(out, "%s, ", name);
    buf_append_str(out, "and none at all to run");
}

void cli_unknown_command(const char *word, const char *command, struct buf *out)
{
    const char *meaning = word_meaning(word);
    buf_append_str(out, "no such command: ");
    escape_url(slice_str(word), out); /* --set redis.url redis://..., the '=' forgotten */
    if (meaning != NULL)
        buf_printf(out, "; %s", meaning);
    else if (command != NULL)
        buf_printf(out, "; did you mean %s?", command);
    else if (*word == '\0')
        buf_append_str(out, "'' (an argument is empty)");
    else if (is_metric(word))
        buf_append_str(out, "; to see how a line is understood, write explain before it");
    else if (is_address(word)) {
        buf_append_str(out, "; ");
        rival_answer(rival_find(SLICE_LIT("listen")), word, out);
    } else if (strstr(word, "://") != NULL)
        buf_append_str(out, "; to set an option, write --set SECTION.KEY=VALUE");
    else if (is_file(word))
        put_file(word, out);
    else
        put_commands(out);
}
