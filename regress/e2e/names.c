/*
 * names ADDR FILE: a name server for the scenarios. Answers A questions on
 * ADDR port 53 (UDP) from FILE, lines "NAME ADDRESS...", read anew for each
 * question; "no such name" otherwise. Test tool: trusts its network.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HDR	 12
#define TYPE_A	 1
#define NXDOMAIN 3

/* Question's name in text; returns the offset behind it, or 0. */
static size_t
question_name(const uint8_t *q, size_t len, char *name, size_t size)
{
	size_t pos = HDR, out = 0, n;

	while (pos < len && (n = q[pos]) != 0) {
		if (n > 63 || pos + 1 + n >= len || out + n + 2 > size)
			return 0;
		if (out != 0)
			name[out++] = '.';
		memcpy(name + out, q + pos + 1, n);
		out += n;
		pos += 1 + n;
	}
	name[out] = '\0';
	return pos + 5 <= len ? pos + 1 : 0;
}

/* Append one answer that points back to the question's name. */
static size_t
answer(uint8_t *q, size_t pos, size_t size, const char *addr)
{
	static const uint8_t head[] = {
	    0xc0, HDR, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4};

	if (pos + sizeof(head) + 4 > size ||
	    inet_pton(AF_INET, addr, q + pos + sizeof(head)) != 1)
		return pos;
	memcpy(q + pos, head, sizeof(head));
	q[7]++;
	return pos + sizeof(head) + 4;
}

static size_t
reply(const char *file, uint8_t *q, size_t len, size_t size)
{
	char name[256], line[512], *word, *save;
	size_t type = question_name(q, len, name, sizeof(name)), end;
	int found = 0;
	FILE *f;

	if (type == 0)
		return 0;
	end = type + 4;
	q[2] = 0x84 | (q[2] & 1); /* response, authoritative */
	q[3] = 0x80; /* recursion is not an issue here */
	memset(q + 6, 0, 6);
	if ((f = fopen(file, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if ((word = strtok_r(line, " \n", &save)) == NULL ||
		    strcasecmp(word, name) != 0)
			continue;
		found = 1;
		while (q[type] == 0 && q[type + 1] == TYPE_A &&
		       (word = strtok_r(NULL, " \n", &save)) != NULL)
			end = answer(q, end, size, word);
	}
	fclose(f);
	if (!found)
		q[3] |= NXDOMAIN;
	return end;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_storage from;
	socklen_t fromlen;
	uint8_t q[1024];
	ssize_t n;
	size_t len;
	int s;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &sin.sin_addr) != 1)
		errx(2, "usage: names ADDR FILE");
	if ((s = socket(AF_INET, SOCK_DGRAM, 0)) == -1 ||
	    bind(s, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "%s", argv[1]);
	for (;;) {
		fromlen = sizeof(from);
		n = recvfrom(s, q, 512, 0, (struct sockaddr *)&from, &fromlen);
		if (n < HDR)
			continue;
		len = reply(argv[2], q, (size_t)n, sizeof(q));
		if (len != 0)
			sendto(s, q, len, 0, (struct sockaddr *)&from, fromlen);
	}
}
