#pragma once

#include <map>
#include <memory>
#include <string>
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
  std::string take(Random& random);
};

// A consumer: its process' mux and the socket to the link process.
struct Client {
  std::uint32_t consumer = 0;
  mux::Options options;
  std::unique_ptr<mux::Mux> mux;
  Pipe up, down;
  bool gone = false;
};

// Clients, a link process that routes frames by prefix, and the agent.
//
//   client 0 ══ up/down ══╗
//   client 1 ══ up/down ══ link ══ trunk_up/trunk_down ══ agent
class Network final {
 public:
  Network(Random& random, std::size_t clients);

  // Moves some bytes of one pipe, or writes some to it; whether there were any.
  bool move_something();
  bool quiet() const;
  // nullptr: gone.
  Client* living(std::uint32_t consumer);
  // The client's process is killed: what the link has of it arrives, then DETACH. Another one comes
  // in its place.
  void kill(std::size_t client);
  // The connection dies, and everybody learns of it.
  void cut(std::string_view why);

  // Everybody gives credit for what was read so far.
  void acknowledge();

  Random& random;
  mux::Options agent_options;
  std::unique_ptr<mux::Mux> agent;
  std::vector<std::unique_ptr<Client>> clients;  // also those that are gone
  Pipe trunk_up, trunk_down;
  std::string fault;  // what a mux or a decoder found wrong with a frame; must stay empty

 private:
  void add_client();
  // Each: whether there was anything to move.
  bool move_trunk(std::size_t way);
  bool move_client(Client& client, std::size_t way);
  bool produce(mux::Mux& mux, Pipe& pipe);
  bool up_to_link(Client& client);
  // That CREDIT comes no oftener than it must.
  void count_credit(const wire::Frame& frame, const mux::Options& senders);
  template <class Take>
  bool deliver(Pipe& pipe, Take take);

  std::uint64_t acknowledged_ = 0;
  std::map<std::pair<mux::StreamId, unsigned>, std::uint64_t> credits_;  // of a lane of a side
};

}  // namespace rdev::sim
