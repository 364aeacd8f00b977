/**
 * The text goes through two hands: vet() looks at each line first and tells what is wrong with its
 * form; inih then cuts what is left into section, key and value.
 *
 *   config_file_parse
 *     ini_parse_stream (inih) <- next_line    one line that vet() lets pass, else an empty one
 *                             -> on_pair      a key and its value: config_loader_assign_named
 *
 * inih alone would not do: it cuts a line that is longer than its buffer, remembers the first
 * syntax error only, and does not tell its handler the line (as Debian builds it).  So next_line
 * counts lines, refuses long ones, and knows that inih did not understand a line if on_pair was not
 * called before the next one is asked for (`waiting`).
 */
#include "config/config_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "config/escape.h"
#include "config/guess.h"

enum {
    LINE_MAX_BYTES = 16 * 1024,
    FILE_MAX_BYTES = 1024 * 1024,
    FILE_MAX_MISTAKES = 100,
    ORIGIN_MAX = PATH_MAX + 16
};

struct reader {
    struct config_loader *l;
    const char *name;                /* of the file, in messages */
    struct slice rest;               /* text behind the current line */
    unsigned line;                   /* number of the current line, from 1; 0 before the first */
    bool waiting;                    /* inih has the line and should call on_pair for it */
    bool skip;                       /* below a section header that was refused */
    unsigned given_at[OPTION_COUNT]; /* line that gave the option; 0: none */
};

static void reader_check(const struct reader *r)
{
    assert(r->l->stage == CONFIG_FILE && r->l->line == r->line);
    assert(!(r->waiting && r->skip) && "keys that are skipped are not shown to inih");
}

static const char *origin(const struct reader *r, char out[ORIGIN_MAX])
{
    snprintf(out, ORIGIN_MAX, "%s:%u", r->name, r->line);
    return out;
}

static void error(const struct reader *r, const char *text)
{
    char at[ORIGIN_MAX];
    config_loader_error(r->l, origin(r, at), "%s", text);
}

/* Without what inih takes for blanks, at both ends. */
static struct slice trim(struct slice s)
{
    return slice_trim(s, SLICE_LIT(" \t\r\v\f"));
}

static void section_unknown(const struct reader *r, struct slice section)
{
    char at[ORIGIN_MAX];
    struct buf shown = { 0 };
    escape_short(section, &shown);
    const char *guess = guess_section(section);
    if (guess != NULL)
        config_loader_error(r->l, origin(r, at), "[%.*s]: no such section; did you mean [%s]?",
                            (int)shown.len, shown.ptr, guess);
    else
        config_loader_error(r->l, origin(r, at),
                            "[%.*s]: no such section; see `statsd describe options`",
                            (int)shown.len, shown.ptr);
    buf_release(&shown);
}

/* line starts with '['.  returns  whether it is a header that inih may read */
static bool take_section(struct reader *r, struct slice line)
{
    struct slice rest = slice_of(line.ptr + 1, line.len - 1), section;
    r->skip = true; /* until it is known where the keys below belong */
    if (!slice_cut(&rest, ']', &section)) {
        error(r, "a section is written [name]; the ']' is missing");
        return false;
    }
    rest = trim(rest);
    if (rest.len > 0 && rest.ptr[0] != ';' && rest.ptr[0] != '#') {
        error(r, "only a comment may follow [section] on its line");
        return false;
    }
    if (!options_section_known(section)) {
        section_unknown(r, section);
        return false;
    }
    r->skip = false;
    return true;
}

/* room: bytes that inih's buffer has.  returns  the line for inih, or an empty one to skip it */
static struct slice vet(struct reader *r, struct slice line, size_t room)
{
    static const struct slice nothing = { "", 0 };
    r->waiting = false;
    if (r->line == 1 && slice_starts(line, SLICE_LIT("\xEF\xBB\xBF")))
        line = slice_of(line.ptr + 3, line.len - 3);
    line = trim(line);
    if (line.len == 0 || line.ptr[0] == ';' || line.ptr[0] == '#')
        return nothing;
    if (line.len > room) {
        char text[100];
        snprintf(text, sizeof text, "the line is too long: %zu bytes, at most %zu", line.len, room);
        error(r, text);
        return nothing;
    }
    if (memchr(line.ptr, '\0', line.len) != NULL) {
        error(r, "a NUL byte in the line; is this a text file?");
        return nothing;
    }
    if (line.ptr[0] == '[')
        return take_section(r, line) ? line : nothing;
    if (r->skip)
        return nothing;
    r->waiting = true;
    return line;
}

/* The current line is over. */
static void settle(struct reader *r)
{
    if (r->waiting)
        error(r, "the line is neither [section], nor key = value, nor a comment");
    r->waiting = false;
}

static bool gives_up(struct reader *r)
{
    char text[100];
    size_t n = r->l->n_mistakes;
    if (n < FILE_MAX_MISTAKES)
        return false;
    snprintf(text, sizeof text, "%zu mistakes; the rest of the file was not read", n);
    error(r, text);
    r->rest.len = 0;
    return true;
}

/* As fgets: the next line with its LF and a NUL, or NULL at the end. */
static char *next_line(char *out, int size, void *stream)
{
    struct reader *r = stream;
    reader_check(r);
    settle(r);
    assert(size > 2 && "room for a line of one byte, LF and NUL");
    if (r->rest.len == 0)
        return NULL;
    struct slice line = r->rest;
    if (!slice_cut(&r->rest, '\n', &line))
        r->rest.len = 0;
    r->l->line = ++r->line;
    if (gives_up(r))
        return NULL;
    line = vet(r, line, (size_t)size - 2);
    assert(line.len + 2 <= (size_t)size);
    memcpy(out, line.ptr, line.len);
    memcpy(out + line.len, "\n", 2);
    return out;
}

static int on_pair(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    char at[ORIGIN_MAX];
    assert(r->waiting && "inih calls this for a line that it was given, once");
    r->waiting = false;
    origin(r, at);
    if (section[0] == '\0') {
        config_loader_error(r->l, at, "a key stands before the first [section]; put it below one");
        return 1;
    }
    enum option_id id = options_find(slice_str(section), slice_str(key));
    if (id != OPTION_COUNT && options_table[id].kind != OPTION_STRINGS && r->given_at[id] != 0) {
        config_loader_error(r->l, at, "%s.%s: given twice, first on line %u; keep one of them",
                            section, key, r->given_at[id]);
        return 1;
    }
    if (id != OPTION_COUNT)
        r->given_at[id] = r->line;
    config_loader_assign_named(r->l, at, slice_str(section), slice_str(key), slice_str(value));
    return 1;
}

void config_file_parse(struct config_loader *l, const char *name, struct slice text)
{
    static char comments[] = ";#";
    struct reader r = { .l = l, .name = name, .rest = text };
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = LINE_MAX_BYTES;
    ini_initial_alloc = LINE_MAX_BYTES;
    ini_allow_multiline = false;
    ini_allow_inline_comments = true;
    ini_inline_comment_prefixes = comments;
    if (ini_parse_stream(next_line, &r, on_pair, &r) == -2)
        config_loader_error(l, name, "not enough memory to read the file");
    l->line = 0;
}

void config_file_read(struct config_loader *l, const char *path)
{
    struct buf text = { 0 };
    ssize_t n = 0;
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0) {
        config_loader_error(l, path, "cannot read the config file: %s", err_text(errno));
        return;
    }
    do {
        n = TEMP_FAILURE_RETRY(read(fd, buf_reserve(&text, 65536), 65536));
        text.len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && text.len <= FILE_MAX_BYTES);
    if (n < 0)
        config_loader_error(l, path, "cannot read the config file: %s", err_text(errno));
    else if (text.len > FILE_MAX_BYTES)
        config_loader_error(l, path, "the config file is larger than 1 MiB; is it the right file?");
    else
        config_file_parse(l, path, slice_of(text.len ? text.ptr : "", text.len));
    close(fd);
    buf_release(&text);
}
