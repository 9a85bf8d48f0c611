#ifndef WESHER_CARD_H
#define WESHER_CARD_H

#include "member.h"

/*
 * The cards of members, for member.c alone: one block with all that a member
 * announced, of its own or shared (member_share_cards).
 */

/* A card with a name, no address and room for so much metadata; m, otherwise
 * a free record, gets name, namelen and metalen. 0, or -1 when out of memory.
 */
int card_new(struct member *m, const char *name, size_t len, size_t metaroom);
/* The announcement that the card holds; points into it. */
void card_news(const struct member *m, struct member_news *news);
/* Write that one instead. May only fail, with -1 and nothing changed, when the
 * metadata outgrows its room. */
int card_set(struct member *m, const struct member_news *news);
void card_free(struct member *m);

#endif
