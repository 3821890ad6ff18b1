#pragma once

#include <list>

#include "protocol/base/notify.h"
#include "protocol/ssh/packet_sink.h"

namespace rdev::ssh {

// Whose bulk data goes next on one connection: round robin, one turn at a time, while the sink has
// room. A writer takes a Ticket, waits until mine(), sends one turn's worth and drops the ticket.
class Turns final {
 public:
  class Ticket final {
   public:
    // Joins the queue's end. `wake` is notified when it may be this ticket's turn.
    Ticket(Turns& turns, base::Notify& wake);
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    bool mine() const;

   private:
    friend class Turns;
    Turns& turns_;
    base::Notify& wake_;
    std::list<Ticket*>::iterator place_;
  };

  explicit Turns(const PacketSink& sink) : sink_(&sink) {}
  // The sink has room again.
  void kick();
  // There is no sink any more; everybody's turn comes, to find that out.
  void stop();

 private:
  const PacketSink* sink_;
  std::list<Ticket*> queue_;
};

}  // namespace rdev::ssh
