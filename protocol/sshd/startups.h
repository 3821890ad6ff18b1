#pragma once

#include <cstddef>

namespace rdev::sshd {

// How many connections may wait to log in, as OpenSSH's MaxStartups says it: from `begin` on one of
// them is dropped with `percent` chance as each new one comes, rising to certainty at `full`.
//
// Unlike in OpenSSH the one dropped is not the newcomer but any of them, and below `full` only one
// that has waited longer than a login takes: a crowd of strangers that says nothing cannot keep out
// who has a key.
struct Startups {
  std::size_t begin = 10;
  unsigned percent = 30;
  std::size_t full = 100;

  // With `waiting` connections, the newcomer not counted.
  unsigned chance(std::size_t waiting) const {
    if (waiting < begin) {
      return 0;
    }
    if (waiting >= full) {
      return 100;
    }
    return percent + static_cast<unsigned>((100 - percent) * (waiting - begin) / (full - begin));
  }
};

}  // namespace rdev::sshd
