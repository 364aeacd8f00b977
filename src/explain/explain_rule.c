#include "explain/explain_rule.h"

#include "base/buf.h"

void explain_rules_init(struct explain_rules *r, const struct config *c,
                        const struct core_mapping *mapping)
{
    *r = (struct explain_rules){ .file = c->prometheus_mapping,
                                 .mapping = mapping,
                                 .scratch = mapping_scratch_new(mapping->mapping) };
}

void explain_rules_release(struct explain_rules *r)
{
    mapping_scratch_free(r->scratch);
    *r = (struct explain_rules){ 0 };
}

/* A rule's own text may be anything that YAML can say; what is no text for JSON is left out. */
static void set_text(json_t *j, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        json_object_set_new(j, key, value);
}

static json_t *rule_object(const struct mapping_rule *rule)
{
    json_t *j = json_object();
    json_object_set_new(j, "line", json_integer(rule->line));
    set_text(j, "match", rule->match);
    return j;
}

static void add_near_miss(const struct explain_rules *r, struct slice name, enum mapping_class c,
                          json_t *j)
{
    const struct mapping_rule *rule;
    struct buf why = { 0 };
    if (!mapping_near_miss(r->mapping->mapping, name, c, &rule, &why))
        return;
    json_t *miss = rule_object(rule);
    json_object_set_new(miss, "why", json_stringn(why.len > 0 ? why.ptr : "", why.len));
    json_object_set_new(j, "near_miss", miss);
    buf_release(&why);
}

/* NULL: the sample is not dropped */
static const char *dropped(const struct mapping_match *match)
{
    struct buf name = { 0 };
    if (match->rule->drop)
        return "rule";
    mapping_name(match, &name);
    bool empty = name.len == 0;
    buf_release(&name);
    return empty ? "empty_name" : NULL;
}

json_t *explain_rule(struct explain_rules *r, const struct sample *s,
                     const struct profile **ret_profile)
{
    struct slice name = slice_of(s->name, s->name_len);
    enum mapping_class c = mapping_class_of((enum sample_type)s->type);
    struct mapping_match match;
    bool found = mapping_find(r->mapping->mapping, r->scratch, name, c, &match);
    json_t *j = found ? rule_object(match.rule) : json_object();
    set_text(j, "file", r->file);
    *ret_profile = profiles_at(r->mapping->profiles, found ? match.rule->profile : 0);
    if (found) {
        const char *why = dropped(&match);
        json_object_set_new(j, "action", json_string(match.rule->drop ? "drop" : "map"));
        if (why != NULL)
            json_object_set_new(j, "dropped", json_string(why));
    }
    enum gauge_merge merge = (*ret_profile)->gauge_merge;
    if (s->type == SAMPLE_GAUGE && merge != GAUGE_MERGE_LATEST)
        json_object_set_new(j, "gauge_merge", json_string(gauge_merge_name(merge)));
    add_near_miss(r, name, c, j);
    return j;
}
