#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>

namespace rdev::mux {

// What a member of FairTurns is derived from; it leaves when it dies, unless it wants (see set()).
struct FairShare
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  std::int64_t deficit = 0;  // bytes that it may still take in its turn
  bool wants = false;
};

// Whose bytes go next, RFC 8290's (FQ-CoDel's) scheduler: those who want much share by bytes, and
// who has wanted nothing for a while goes ahead of them with its first kQuantum: keystrokes,
// editors' messages, an opening. Nobody has to say what it is.
template <class Member>
class FairTurns final {
 public:
  static constexpr std::int64_t kQuantum = 16384;

  // Whether it has something to send; after anything that may have changed that. A member must not
  // want when it dies.
  void set(Member& member, bool wants) {
    if (member.wants == wants) {
      return;
    }
    member.wants = wants;
    wanting_ += wants ? 1 : -1;
    if (wants && !member.is_linked()) {
      member.deficit = kQuantum;
      fresh_.push_back(member);
    }
  }
  bool empty() const { return wanting_ == 0; }
  // Nobody else has to wait for what the next one takes.
  bool only_one() const { return wanting_ == 1; }

  // Not when empty().
  Member& next() {
    for (;;) {
      List& list = fresh_.empty() ? known_ : fresh_;
      Member& member = list.front();
      if (member.wants && member.deficit > 0) {
        return member;
      }
      member.unlink();
      if (member.wants) {
        member.deficit += kQuantum;
        known_.push_back(member);
      } else if (&list == &fresh_ && !known_.empty()) {
        known_.push_back(member);  // it is not fresh again before the others had their turn
      }
    }
  }
  // next() has sent so much.
  void took(Member& member, std::size_t bytes) {
    member.deficit -= static_cast<std::int64_t>(bytes);
  }

 private:
  using List = boost::intrusive::list<Member, boost::intrusive::constant_time_size<false>>;

  List fresh_, known_;
  std::ptrdiff_t wanting_ = 0;
};

}  // namespace rdev::mux
