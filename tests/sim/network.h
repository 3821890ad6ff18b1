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
  // Quiet, and nothing that was sent got lost.
  bool settled() const { return quiet() && connected_; }
  // nullptr: gone.
  Client* living(std::uint32_t consumer);
  // The client's process is killed: what the link has of it arrives, then DETACH. Another one comes
  // in its place.
  void kill(std::size_t client);
  // The connection dies, at any byte; the link process knows, the agent not yet.
  void cut();
  // The link process dies, and what was in its sockets with it.
  void kill_link();
  // The agent dies and another one comes. `why` is what the clients will say of it.
  void lose_agent(std::string why);
  // The agent learns that its connection is dead, if it is.
  void tell_agent();
  void reconnect();
  bool connected() const { return connected_; }

  // Everybody gives credit for what was read so far.
  void acknowledge();

  Random& random;
  std::shared_ptr<mux::Memory> above;  // the agent's, if it shares one
  mux::Options agent_options;
  std::unique_ptr<mux::Mux> agent;
  std::vector<std::unique_ptr<Client>> clients;  // also those that are gone
  Pipe trunk_up, trunk_down;
  std::string fault;  // what a mux or a decoder found wrong with a frame; must stay empty

 private:
  void add_client();
  void detach(std::uint32_t consumer);
  void send_down(Client& client, wire::Type type);
  // What a client gets of its link process.
  Result<void> take_down(Client& client, const wire::Frame& frame);
  // Each: whether there was anything to move.
  bool move_trunk(std::size_t way);
  bool move_client(Client& client, std::size_t way);
  bool produce(mux::Mux& mux, Pipe& pipe);
  bool up_to_link(Client& client);
  // That CREDIT comes no oftener than it must.
  void count_credit(const wire::Frame& frame, const mux::Options& senders);
  template <class Take>
  bool deliver(Pipe& pipe, Take take);

  bool connected_ = true;
  std::string lost_;  // why the agent is another one
  std::uint64_t acknowledged_ = 0;
  std::map<std::pair<mux::StreamId, unsigned>, std::uint64_t> credits_;  // of a lane of a side
  std::map<std::pair<mux::StreamId, unsigned>, std::uint64_t> asked_;    // to give it credit
};

}  // namespace rdev::sim
