/**
 * names: of the descriptors that the two ends of a takeover add to the daemon's.  Private to
 * takeover/.
 */
#ifndef TAKEOVER_NAMES_H
#define TAKEOVER_NAMES_H

#define NAME_OURS    '@' /* the daemon's names begin with anything else */
#define NAME_TOKEN   "@token"
#define NAME_CONTROL "@control"

#endif
