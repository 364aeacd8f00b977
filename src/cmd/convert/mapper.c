/**
 * datadog.yaml's ways with names, as rules of a mapping file.
 *
 * The agent maps a name (dogstatsd_mapper_profiles), puts the namespace before it, and drops what
 * the lists of names say; a mapping file does all that in one step, by the name as it was sent:
 *
 *   convert_mapper
 *     put_blocked        names that are dropped: first, for the first rule that matches wins
 *     put_profile        rules of a profile, in their order
 *     put_namespace      the rest, with the namespace before it
 *
 * Globs go before regexes in a mapping file, wherever they stand.  So as soon as one rule has to
 * be a regex, all that follow are.
 */
#include "cmd/convert/convert.h"

#include <ctype.h>
#include <stdlib.h>

struct mapper {
    struct convert *c;
    const char *namespace;         /* "shop.", or "" */
    const struct tree *unprefixed; /* names without namespace; NULL: the agent's own list */
    bool regex;                    /* a rule was one */
};

/* Names that the agent never prefixes, unless it is told others. */
static const char *const standard[] = { "datadog.agent",
                                        "datadog.dogstatsd",
                                        "datadog.process",
                                        "datadog.trace_agent",
                                        "datadog.tracer",
                                        "activemq",
                                        "activemq_58",
                                        "airflow",
                                        "cassandra",
                                        "confluent",
                                        "hazelcast",
                                        "hive",
                                        "ignite",
                                        "jboss",
                                        "jvm",
                                        "kafka",
                                        "presto",
                                        "sidekiq",
                                        "solr",
                                        "tomcat",
                                        "runtime" };

static void put_escaped(const char *name, struct buf *out)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (strchr(".^$*+?()[]{}|\\", *p) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, *p);
    }
}

/* Could a glob of a mapping file be this?  Its "*" is a whole component. */
static bool is_glob(const char *match)
{
    const char *p = match;
    if (!isalpha((unsigned char)*p) && *p != '_' && *p != '*')
        return false;
    while (*p != '\0') {
        size_t n = strcspn(p, "."), stars = 0;
        for (size_t i = 0; i < n; i++) {
            stars += p[i] == '*';
            if (!isalnum((unsigned char)p[i]) && strchr("_-*", p[i]) == NULL)
                return false;
        }
        if (n == 0 || (stars > 0 && n > 1) || p[0] == '-')
            return false;
        p += n;
        if (*p == '.' && *++p == '\0')
            return false;
    }
    return true;
}

static void put_wildcard_as_regex(const char *match, struct buf *out)
{
    buf_append_char(out, '^');
    for (const char *p = match; *p != '\0'; p++) {
        if (*p == '*')
            buf_append_str(out, "([^.]*)");
        else if (*p == '.')
            buf_append_str(out, "\\.");
        else
            buf_append_char(out, *p);
    }
    buf_append_char(out, '$');
}

static void put_match(struct mapper *m, const char *match, bool regex)
{
    struct buf text = { 0 }, *out = &m->c->rules;
    m->regex = m->regex || regex || !is_glob(match);
    if (regex)
        buf_printf(&text, "^%s$", match);
    else if (m->regex)
        put_wildcard_as_regex(match, &text);
    else
        buf_append_str(&text, match);
    buf_append_str(out, "- match: ");
    convert_quoted(buf_slice(&text), out);
    buf_append_str(out, m->regex ? "\n  match_type: regex\n" : "\n");
    buf_release(&text);
}

/* Bytes of "$12" or "${12}" at p, with *digits the number's; 0: no such reference is there. */
static size_t reference(const char *p, struct slice *digits)
{
    bool braced = p[0] == '$' && p[1] == '{';
    size_t at = braced ? 2 : 1, n;
    if (p[0] != '$')
        return 0;
    n = strspn(p + at, "0123456789");
    *digits = slice_of(p + at, n);
    if (n == 0 || (braced && p[at + n] != '}'))
        return 0;
    return at + n + braced;
}

/* A name of the agent as a name of Prometheus: references in braces, as letters may follow that
 * were dots; other characters become _. */
static void put_name(const char *name, struct buf *out)
{
    struct slice digits;
    for (const char *p = name; *p != '\0';) {
        size_t n = reference(p, &digits);
        if (n > 0)
            buf_printf(out, "${%.*s}", (int)digits.len, digits.ptr);
        else if (out->len == 0 && isdigit((unsigned char)*p))
            buf_printf(out, "_%c", *p);
        else
            buf_append_char(out, isalnum((unsigned char)*p) ? *p : '_');
        p += n > 0 ? n : 1;
    }
}

static void put_quoted_line(const char *key, struct slice value, struct buf *out)
{
    buf_append_str(out, key);
    convert_quoted(value, out);
    buf_append_char(out, '\n');
}

static bool is_unprefixed(const struct mapper *m, const char *name)
{
    for (const struct tree *t = m->unprefixed != NULL ? m->unprefixed->first : NULL; t != NULL;
         t = t->next) {
        if (t->kind == TREE_TEXT && slice_starts(slice_str(name), slice_str(t->text)))
            return true;
    }
    for (size_t i = 0; m->unprefixed == NULL && i < ARRAY_LEN(standard); i++) {
        if (slice_starts(slice_str(name), slice_str(standard[i])))
            return true;
    }
    return false;
}

static void put_labels(struct mapper *m, const struct tree *tags)
{
    struct buf *out = &m->c->rules;
    if (tags == NULL || tags->first == NULL)
        return;
    if (tags->kind != TREE_MAP) {
        convert_mistake(m->c, convert_place(tags), "a map is expected here: tag: value");
        return;
    }
    buf_append_str(out, "  labels:\n");
    for (const struct tree *t = tags->first; t != NULL; t = t->next) {
        const char *value = convert_text(m->c, t);
        struct buf key = { 0 };
        put_name(t->key, &key);
        buf_append_str(out, "    ");
        buf_append_slice(out, buf_slice(&key));
        put_quoted_line(": ", slice_str(value != NULL ? value : ""), out);
        buf_release(&key);
    }
}

static void put_rule(struct mapper *m, const struct tree *rule, const char *prefix)
{
    const char *match = convert_text(m->c, tree_get(rule, "match"));
    const char *type = convert_text(m->c, tree_get(rule, "match_type"));
    const char *name = convert_text(m->c, tree_get(rule, "name"));
    struct place at = { "dogstatsd_mapper_profiles", rule->line, NULL };
    bool regex = type != NULL && strcmp(type, "regex") == 0;
    struct buf whole = { 0 };
    if (match == NULL || match[0] == '\0' || name == NULL || name[0] == '\0') {
        convert_mistake(m->c, at, "a mapping needs match and name");
        return;
    }
    if (type != NULL && !regex && strcmp(type, "wildcard") != 0)
        convert_mistake(m->c, at, "match_type '%s' is neither wildcard nor regex", type);
    if (!regex && (match[strspn(match, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-_*.")] != '\0' ||
                   strstr(match, "**") != NULL))
        convert_mistake(m->c, at, "match '%s' is no wildcard: letters, digits, - _ . and single *",
                        match);
    if (!regex && !slice_starts(slice_str(match), slice_str(prefix)))
        convert_note(m->c, at,
                     "the rule does not begin with its profile's prefix, which is not looked at "
                     "here");
    put_match(m, match, regex);
    if (!is_unprefixed(m, name))
        put_name(m->namespace, &whole);
    put_name(name, &whole);
    put_quoted_line("  name: ", buf_slice(&whole), &m->c->rules);
    put_labels(m, tree_get(rule, "tags"));
    buf_release(&whole);
}

static void put_profiles(struct mapper *m, const struct tree *profiles)
{
    if (profiles != NULL && profiles->kind != TREE_LIST)
        convert_mistake(m->c, convert_place(profiles), "a list of profiles is expected here");
    for (const struct tree *p = profiles != NULL ? profiles->first : NULL; p != NULL; p = p->next) {
        const char *prefix = convert_text(m->c, tree_get(p, "prefix"));
        const struct tree *mappings = tree_get(p, "mappings");
        if (mappings == NULL || mappings->kind != TREE_LIST) {
            convert_mistake(m->c, (struct place){ profiles->key, p->line, NULL },
                            "a profile needs name, prefix and a list of mappings");
            continue;
        }
        prefix = prefix != NULL && strcmp(prefix, "*") != 0 ? prefix : "";
        for (const struct tree *r = mappings->first; r != NULL; r = r->next)
            put_rule(m, r, prefix);
    }
}

/* Metrics as they are sent on, with the namespace before them; a * in a name is no wildcard. */
static void put_blocked(struct mapper *m, const struct tree *list, const struct tree *by_prefix)
{
    struct slice space = slice_str(m->namespace);
    for (const struct tree *t = list != NULL ? list->first : NULL; t != NULL; t = t->next) {
        const char *name = convert_text(m->c, t);
        struct buf regex = { 0 };
        if (name == NULL || name[0] == '\0')
            continue;
        if (slice_starts(slice_str(name), space))
            name += space.len;
        else if (!is_unprefixed(m, name)) {
            convert_note(m->c, convert_place(list),
                         "a name without the namespace is never blocked, as all have it");
            continue;
        }
        bool prefix = tree_is_true(by_prefix);
        bool glob = !prefix && is_glob(name) && strchr(name, '*') == NULL;
        put_escaped(name, &regex);
        buf_append_str(&regex, prefix ? ".*" : "");
        buf_append_char(&regex, '\0');
        put_match(m, glob ? name : regex.ptr, !glob);
        buf_append_str(&m->c->rules, "  action: drop\n  name: dropped\n");
        buf_release(&regex);
    }
}

/* One more name of an alternative. */
static void put_unprefixed(const char *name, struct buf *out)
{
    if (out->len > 0)
        buf_append_char(out, '|');
    put_escaped(name, out);
}

/* Two rules: names that stay as they are, and all others. */
static void put_namespace(struct mapper *m)
{
    struct buf names = { 0 }, regex = { 0 }, name = { 0 };
    for (const struct tree *t = m->unprefixed != NULL ? m->unprefixed->first : NULL; t != NULL;
         t = t->next) {
        if (t->kind == TREE_TEXT)
            put_unprefixed(t->text, &names);
    }
    for (size_t i = 0; m->unprefixed == NULL && i < ARRAY_LEN(standard); i++)
        put_unprefixed(standard[i], &names);
    if (names.len > 0) {
        buf_printf(&regex, "((?:%.*s).*)%c", (int)names.len, names.ptr, '\0');
        put_match(m, regex.ptr, true);
        buf_append_str(&m->c->rules, "  name: \"${1}\"\n");
    }
    put_match(m, "(.*)", true);
    put_name(m->namespace, &name);
    buf_append_str(&name, "${1}");
    put_quoted_line("  name: ", buf_slice(&name), &m->c->rules);
    buf_release(&names);
    buf_release(&regex);
    buf_release(&name);
}

void convert_mapper(struct convert *c, const struct tree *root)
{
    const char *namespace = convert_text(c, tree_get(root, "statsd_metric_namespace"));
    const struct tree *unprefixed = tree_get(root, "statsd_metric_namespace_blocklist");
    struct buf dotted = { 0 };
    struct mapper m = { .c = c, .namespace = "" };
    if (namespace != NULL && namespace[0] != '\0') {
        struct slice s = slice_str(namespace);
        buf_append_slice(&dotted, s);
        if (!slice_ends(s, SLICE_LIT(".")))
            buf_append_char(&dotted, '.');
        buf_append_char(&dotted, '\0');
        m.namespace = dotted.ptr;
    }
    m.unprefixed =
        unprefixed != NULL ? unprefixed : tree_get(root, "statsd_metric_namespace_blacklist");
    put_blocked(&m, tree_get(root, "metric_filterlist"),
                tree_get(root, "metric_filterlist_match_prefix"));
    put_blocked(&m, tree_get(root, "statsd_metric_blocklist"),
                tree_get(root, "statsd_metric_blocklist_match_prefix"));
    put_profiles(&m, tree_get(root, "dogstatsd_mapper_profiles"));
    if (m.namespace[0] != '\0')
        put_namespace(&m);
    buf_release(&dotted);
}
