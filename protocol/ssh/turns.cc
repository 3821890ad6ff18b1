#include "protocol/ssh/turns.h"

namespace rdev::ssh {

Turns::Ticket::Ticket(Turns& turns, base::Notify& wake)
    : turns_(turns), wake_(wake), place_(turns.queue_.insert(turns.queue_.end(), this)) {}

Turns::Ticket::~Ticket() {
  turns_.queue_.erase(place_);
  turns_.kick();
}

bool Turns::Ticket::mine() const {
  return turns_.sink_ == nullptr || (turns_.queue_.front() == this && !turns_.sink_->congested());
}

void Turns::kick() {
  if (sink_ != nullptr && !queue_.empty() && !sink_->congested()) {
    queue_.front()->wake_.notify();
  }
}

void Turns::stop() {
  sink_ = nullptr;
  for (Ticket* ticket : queue_) {
    ticket->wake_.notify();
  }
}

}  // namespace rdev::ssh
