/**
 * `statsd convert FROM FILE`: the statsd.conf that does what another server's config does.
 *
 *   convert_main
 *     take_words         statsd_exporter: flags behind --, or files that hold its command line
 *     take_tree          the others: one file
 *     finish             held to what `statsd check` asks, then printed
 */
#include "cmd/cli.h"
#include "cmd/convert/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aggregate/mapping.h"
#include "base/err.h"
#include "config/escape.h"
#include "config/guess.h"
#include "config/mapping_file.h"

/* clang-format off */
static const struct server {
    const char *name;
    int (*read)(struct slice text, struct tree_doc *ret, struct tree_error *ret_error);
    void (*convert)(struct convert *c, const struct tree *root); /* NULL: a command line */
} servers[] = {
    { "statsd_exporter", NULL,           NULL            },
    { "datadog",         tree_read_yaml, convert_datadog },
    { "brubeck",         tree_read_json, convert_brubeck },
    { "etsy",            tree_read_js,   convert_etsy    },
};
/* clang-format on */

static const struct server *find_server(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        if (guess_distance(slice_str(name), slice_str(servers[i].name), 2) <= 1)
            return &servers[i]; /* "statsd-exporter", "DataDog" */
    }
    return NULL;
}

static bool read_stream(FILE *f, struct buf *out)
{
    size_t n;
    while (out->len <= TREE_TEXT_MAX && (n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0)
        out->len += n;
    return !ferror(f);
}

/* returns  whether the whole file is in out; else the mistake is added */
static bool read_file(struct convert *c, const struct cli_io *io, struct buf *out)
{
    bool from_input = strcmp(c->file, "-") == 0;
    struct place whole = { NULL, 0, NULL };
    FILE *f = from_input ? io->in : fopen(c->file, "re");
    bool read = f != NULL && read_stream(f, out);
    if (from_input)
        c->file = "standard input";
    if (!read)
        convert_mistake(c, whole, "cannot be read: %s", err_text(errno));
    else if (out->len > TREE_TEXT_MAX)
        convert_mistake(c, whole, "is larger than 1 MiB; is it the right file?");
    if (f != NULL && !from_input)
        (void)fclose(f);
    return read && out->len <= TREE_TEXT_MAX;
}

static void take_words(struct convert *c, const struct cli_args *args, const struct cli_io *io)
{
    struct words words = { 0 };
    bool flags = false; /* from the first one on all is the command line itself */
    for (size_t i = 1; i < args->n_rest; i++) {
        const char *arg = args->rest[i];
        struct buf text = { 0 };
        flags = flags || (arg[0] == '-' && arg[1] != '\0');
        c->file = flags ? "command line" : arg;
        if (flags)
            words_add(&words, c->file, slice_str(arg), 0);
        else if (read_file(c, io, &text) && words_read(&words, c->file, buf_slice(&text)) < 0)
            convert_mistake(c, (struct place){ NULL, 0, NULL }, "has more than %d words",
                            WORDS_MAX);
        buf_release(&text);
    }
    convert_flags(c, &words);
    words_release(&words);
}

static void take_tree(struct convert *c, const struct server *s, const struct cli_io *io)
{
    struct buf text = { 0 };
    struct tree_doc doc = { 0 };
    struct tree_error error = { 0 };
    if (read_file(c, io, &text)) {
        if (s->read(buf_slice(&text), &doc, &error) < 0)
            convert_mistake(c, (struct place){ NULL, error.line, NULL }, "%.*s", (int)error.why.len,
                            error.why.ptr);
        else if (doc.root != NULL && doc.root->kind != TREE_MAP)
            convert_mistake(c, (struct place){ NULL, doc.root->line, NULL },
                            "key: value is expected here; is it the config of %s?", s->name);
        else {
            static const struct tree empty = { .kind = TREE_MAP };
            s->convert(c, doc.root != NULL ? doc.root : &empty);
        }
    }
    tree_release(&doc);
    buf_release(&error.why);
    buf_release(&text);
}

/* A mistake for each line. */
static void add_lines(struct convert *c, struct slice rest)
{
    struct slice line;
    while (slice_cut(&rest, '\n', &line))
        convert_mistake(c, (struct place){ NULL, 0, NULL }, "%.*s", (int)line.len, line.ptr);
}

/* What every value passed alone may still contradict itself: two sockets that are one. */
static void check_whole(struct convert *c, struct slice text)
{
    static const struct config_source nothing_else = { 0 };
    struct buf errors = { 0 };
    struct config config;
    if (config_load_text(&nothing_else, "the config made of it", text, &config, &errors) == 0)
        config_release(&config);
    add_lines(c, buf_slice(&errors));
    buf_release(&errors);
}

static void check_mapping(struct convert *c)
{
    static const struct mapping_options any = {
        .max_age_ms = 1000, .age_buckets = 1, .native_zero_threshold = -1, .scale = 1
    };
    struct buf text = { 0 }, errors = { 0 };
    struct mapping_file f;
    convert_print_mapping(c, &text);
    if (mapping_file_load_text("the mapping made of it", buf_slice(&text), &any,
                               mapping_regex_wrong, &f, &errors) == 0)
        mapping_file_release(&f);
    add_lines(c, buf_slice(&errors));
    buf_release(&errors);
    buf_release(&text);
}

static int write_mapping(const struct convert *c, const struct cli_io *io)
{
    struct buf text = { 0 };
    int fd = open(c->mapping_out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    convert_print_mapping(c, &text);
    bool written = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (!written) {
        struct buf shown = { 0 };
        escape_short(slice_str(c->mapping_out), &shown);
        fprintf(io->err, "statsd: cannot write %.*s: %s\n", (int)shown.len, shown.ptr,
                err_text(errno));
        buf_release(&shown);
    }
    if (fd >= 0)
        close(fd);
    buf_release(&text);
    return written ? CLI_OK : CLI_FAILED;
}

static int finish(struct convert *c, const struct cli_io *io)
{
    struct buf out = { 0 };
    int rc = CLI_OK;
    if (c->rules.len > 0 && c->mapping_out != NULL)
        convert_rival(c, (struct place){ "--mapping-out", 0, NULL },
                      rival_find_of(RIVAL_STATSD_EXPORTER, SLICE_LIT("statsd.mapping-config")),
                      c->mapping_out);
    convert_print(c, &out);
    if (c->n_mistakes == 0)
        check_whole(c, buf_slice(&out));
    if (c->n_mistakes == 0 && c->rules.len > 0)
        check_mapping(c);
    if (c->n_mistakes > 0) {
        cli_write(io->err, &c->mistakes);
        fprintf(io->err, "statsd: %zu mistake%s; nothing was converted\n", c->n_mistakes,
                c->n_mistakes == 1 ? "" : "s");
        rc = CLI_USAGE;
    } else {
        if (c->rules.len > 0 && c->mapping_out != NULL)
            rc = write_mapping(c, io);
        if (rc == CLI_OK && !cli_write(io->out, &out))
            rc = CLI_FAILED;
    }
    buf_release(&out);
    return rc;
}

int convert_main(const struct cli_args *args, const struct cli_io *io)
{
    const struct server *s = args->n_rest > 0 ? find_server(args->rest[0]) : NULL;
    if (s == NULL)
        return cli_usage(io, "convert takes one of statsd_exporter, datadog, brubeck, etsy, and "
                             "the FILE that configures it");
    if (args->n_rest < 2)
        return cli_usage(io, "convert %s needs a FILE%s", s->name,
                         s->convert == NULL ? ", or the flags behind --" : "; - is standard input");
    if (s->convert != NULL && args->n_rest > 2)
        return cli_usage(io, "convert %s takes one FILE", s->name);
    struct convert c = { .from = s->name, .file = args->rest[1], .mapping_out = args->mapping_out };
    if (s->convert == NULL)
        take_words(&c, args, io);
    else
        take_tree(&c, s, io);
    int rc = finish(&c, io);
    convert_release(&c);
    return rc;
}
