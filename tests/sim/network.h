#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/mux/mux.h"
#include "tests/sim/random.h"

namespace rdev::sim {

// Bytes on their way: what goes in comes out later, in other pieces.
struct Pipe {
  std::string bytes;
  std::size_t capacity = 0;  // the writer waits above it
  std::size_t piece = 0;     // the largest that comes out
  wire::Decoder decoder;     // of the reader

  bool full() const { return bytes.size() >= capacity; }
  void set_up(Random& random);
  std::string take(Random& random);
  void clear();
};

// A consumer: its process' mux and the socket to the link process.
struct Client {
  // What the link process passes on of it.
  enum class Passing { kAll, kNothing, kFromResume };

  std::uint32_t consumer = 0;
  mux::Options options;
  std::unique_ptr<mux::Mux> mux;
  Pipe up, down;
  Passing passing = Passing::kAll;
  bool gone = false;
};

// A connection between the link process and the agent, and what each of them takes it for. There
// are several at once where a dial was doubled, or where a new link process dials while the agent
// has what the old one sent still before it: what goes over one is in order, over two in any.
struct Carrier {
  enum class View {
    kGreeting,  // HELLO or WELCOME is on its way
    kCurrent,   // the one that counts
    kLeft,      // closed, or another one took its place: what still comes is dropped
  };

  Pipe up, down;
  View link = View::kGreeting, agent = View::kGreeting;
  bool dead = false;  // nothing arrives any more, nor does its end
};

// Clients, a link process that routes frames by prefix, and the agent.
//
//   client 0 ══ up/down ══╗
//   client 1 ══ up/down ══ link ══ one or more carriers ══ agent
class Network final {
 public:
  Network(Random& random, std::size_t clients);

  // Moves some bytes of one pipe, or writes some to it; whether there were any.
  bool move_something();
  bool quiet() const;
  // Quiet, and nothing that was sent got lost.
  bool settled() const;
  // nullptr: gone.
  Client* living(std::uint32_t consumer);
  // The client's process is killed: what the link has of it arrives, then DETACH. Another one comes
  // in its place.
  void kill(std::size_t client);
  // The connection dies, at any byte; the link process knows, the agent not yet.
  void cut();
  // The same, and the link process does not know either.
  void fall_silent();
  // The link process dies. What it had sent may be lost, or arrive later, up to any byte.
  void kill_link();
  // The agent dies and another one comes. `why` is what the clients will say of it.
  void lose_agent(std::string why);
  // The agent learns that its connection is dead, if it is.
  void tell_agent();
  // Another connection, beside what is there; a try before it that had no answer is given up.
  void dial();
  // Nothing works, and nothing is tried.
  bool wants_dial() const;

  // Everybody gives credit for what was read so far.
  void acknowledge();

  Random& random;
  std::shared_ptr<mux::Memory> above;  // the agent's, if it shares one
  mux::Options agent_options;
  std::unique_ptr<mux::Mux> agent;
  std::vector<std::unique_ptr<Client>> clients;  // also those that are gone
  std::string fault;  // what a mux or a decoder found wrong with a frame; must stay empty

 private:
  void add_client();
  void detach(std::uint32_t consumer);
  void send_down(Client& client, wire::Type type);
  // What a client gets of its link process.
  Result<void> take_down(Client& client, const wire::Frame& frame);
  Carrier& add_carrier();
  // Up, from the link process.
  static void send(Carrier& carrier, wire::Header header, std::string_view payload);
  // The one that counts there; nullptr: none.
  Carrier* current(Carrier::View Carrier::* side) const;
  void kill(Carrier& carrier);
  // The link process has it no more.
  void leave(Carrier& carrier);
  // The link process got its WELCOME.
  void come_up(Carrier& carrier, std::string_view held);
  // The agent got its HELLO.
  void take_over(Carrier& carrier);
  void forget_closed();
  Result<void> take_at_agent(Carrier& carrier, const wire::Frame& frame);
  Result<void> take_at_link(Carrier& carrier, const wire::Frame& frame);
  // Each: whether there was anything to move.
  bool from_agent();
  bool up_to_agent(Carrier& carrier);
  bool down_to_link(Carrier& carrier);
  bool move_client(Client& client, std::size_t way);
  bool produce(mux::Mux& mux, Pipe& pipe);
  bool up_to_link(Client& client);
  // That CREDIT comes no oftener than it must.
  void count_credit(const wire::Frame& frame, const mux::Options& senders);
  // Some of its bytes; frames that have become whole go to `take`, whose error is the fault.
  template <class Take>
  bool deliver(Pipe& pipe, Take take);

  std::vector<std::unique_ptr<Carrier>> carriers_;  // the oldest first
  std::string lost_;                                // why the agent is another one
  std::uint64_t acknowledged_ = 0;
  std::map<std::pair<mux::StreamId, unsigned>, std::uint64_t> credits_;  // of a lane of a side
  std::map<std::pair<mux::StreamId, unsigned>, std::uint64_t> asked_;    // to give it credit
};

template <class Take>
bool Network::deliver(Pipe& pipe, Take take) {
  if (pipe.bytes.empty()) {
    return false;
  }
  const std::string bytes = pipe.take(random);
  pipe.decoder.feed(bytes);
  for (;;) {
    auto frame = pipe.decoder.next();
    if (!frame || !*frame) {
      fault += frame ? "" : frame.error().message;
      return true;
    }
    if (const Result<void> taken = take(**frame); !taken) {
      fault = taken.error().message;
      return true;
    }
  }
}

}  // namespace rdev::sim
