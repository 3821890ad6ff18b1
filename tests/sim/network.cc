#include "tests/sim/network.h"

#include <algorithm>

namespace rdev::sim {
namespace {

// Windows of one byte up to more than the largest step of credit; mostly small, so that they fill.
// Where memory is short everybody goes on by `least` bytes at a time.
mux::Options options(Random& random, mux::Side side, std::uint32_t consumer,
                     std::shared_ptr<mux::Memory> above = nullptr) {
  mux::Options made{.side = side, .consumer = consumer};
  if (random.percent(15)) {
    made.streams = 1 + random.below(6);
  }
  for (std::uint64_t& window : made.windows) {
    window = random.one_of<std::uint64_t>({1, 10, 300, 300, 5000, 5000, 40000, 200000});
  }
  if (random.percent(30)) {
    made.most_window = made.windows[0] * (1 + random.below(20));
  }
  if (random.percent(40)) {
    made.memory = std::make_shared<mux::Memory>(
        random.one_of<std::size_t>({0, 3000, 30'000, 1'000'000}), std::move(above),
        random.one_of<std::size_t>({100, 1000, 5000}));
  }
  return made;
}

void set_up(Pipe& pipe, Random& random) {
  pipe.capacity = random.one_of<std::size_t>({1, 100, 5000, 70000});
  pipe.piece = random.one_of<std::size_t>({3, 20, 1000, 70000});
}

}  // namespace

void Pipe::clear() {
  bytes.clear();
  decoder = wire::Decoder();
}

std::string Pipe::take(Random& random) {
  // Where there is much, small pieces would only take long.
  const std::size_t n = std::min(bytes.size(), random.up_to(std::max(piece, bytes.size() / 8)));
  std::string taken = bytes.substr(0, n);
  bytes.erase(0, n);
  return taken;
}

Network::Network(Random& chosen, std::size_t count) : random(chosen) {
  if (random.percent(30)) {
    above = std::make_shared<mux::Memory>(random.below(100'000), nullptr, 500);
  }
  agent_options = options(random, mux::Side::kAgent, 0, above);
  agent = std::make_unique<mux::Mux>(agent_options);
  set_up(trunk_up, random);
  set_up(trunk_down, random);
  for (std::size_t i = 0; i < count; ++i) {
    add_client();
  }
}

void Network::add_client() {
  auto client = std::make_unique<Client>();
  client->consumer = static_cast<std::uint32_t>(random.number()) | 1U;
  client->options = options(random, mux::Side::kClient, client->consumer);
  client->mux = std::make_unique<mux::Mux>(client->options);
  set_up(client->up, random);
  set_up(client->down, random);
  clients.push_back(std::move(client));
}

Client* Network::living(std::uint32_t consumer) {
  for (const auto& client : clients) {
    if (client->consumer == consumer && !client->gone) {
      return client.get();
    }
  }
  return nullptr;
}

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

bool Network::move_something() {
  const std::size_t ways = 3 + 3 * clients.size();
  const std::size_t first = random.below(ways);
  for (std::size_t i = 0; i < ways; ++i) {
    const std::size_t way = (first + i) % ways;
    if (way < 3 ? move_trunk(way) : move_client(*clients[way / 3 - 1], way % 3)) {
      return true;
    }
  }
  return false;
}

bool Network::move_trunk(std::size_t way) {
  if (way == 0) {
    const bool moved = produce(*agent, trunk_down);
    if (!connected_) {
      trunk_down.clear();  // it does not know yet
    }
    return moved;
  }
  if (way == 1) {
    return deliver(trunk_up, [this](const wire::Frame& frame) { return agent->receive(frame); });
  }
  return deliver(trunk_down, [this](const wire::Frame& frame) {
    count_credit(frame, agent_options);
    if (Client* const client = living(mux::consumer_of(frame.header.stream))) {
      wire::append_frame(client->down.bytes, frame.header, frame.payload);
    }
    return Result<void>{};
  });
}

bool Network::move_client(Client& client, std::size_t way) {
  if (client.gone) {
    return false;
  }
  if (way == 0) {
    return produce(*client.mux, client.up);
  }
  if (way == 1) {
    return !trunk_up.full() && up_to_link(client);
  }
  return deliver(client.down,
                 [this, &client](const wire::Frame& frame) { return take_down(client, frame); });
}

Result<void> Network::take_down(Client& client, const wire::Frame& frame) {
  if (frame.header.type == wire::Type::kPaused) {
    client.mux->suspend();
    return {};
  }
  if (frame.header.type == wire::Type::kAttached) {
    client.mux->resume();
    return {};
  }
  Result<void> taken = client.mux->receive(frame);
  if (!taken && taken.error().code == Code::kNotFound && !lost_.empty()) {
    client.mux->reset_all(lost_);
    client.gone = true;  // the process goes on with another number
    client.passing = Client::Passing::kNothing;
    detach(client.consumer);
    add_client();
    return {};
  }
  return taken;
}

bool Network::produce(mux::Mux& mux, Pipe& pipe) {
  if (pipe.full() || !mux.has_output()) {
    return false;
  }
  const std::size_t before = pipe.bytes.size();
  mux.produce(pipe.bytes, before + random.up_to(pipe.capacity));
  if (pipe.bytes.size() == before) {
    fault = "has_output(), but nothing is produced";
  }
  return true;
}

bool Network::up_to_link(Client& client) {
  return deliver(client.up, [this, &client](const wire::Frame& frame) {
    if (client.passing == Client::Passing::kFromResume &&
        frame.header.type == wire::Type::kResume) {
      client.passing = Client::Passing::kAll;
    }
    if (client.passing != Client::Passing::kAll) {
      return Result<void>{};
    }
    count_credit(frame, client.options);
    wire::append_frame(trunk_up.bytes, frame.header, frame.payload);
    return Result<void>{};
  });
}

void Network::acknowledge() {
  ++acknowledged_;
  agent->acknowledge();
  for (const auto& client : clients) {
    if (!client->gone) {
      client->mux->acknowledge();
    }
  }
}

void Network::count_credit(const wire::Frame& frame, const mux::Options& senders) {
  const bool agents = senders.side == mux::Side::kAgent;
  if (frame.header.type == wire::Type::kData && (frame.header.flags & wire::kFull) != 0) {
    ++asked_[{frame.header.stream, frame.header.lane + (agents ? 0U : 3U)}];
  }
  if (frame.header.type != wire::Type::kCredit || senders.memory) {
    return;
  }
  const unsigned lane = frame.header.lane + (agents ? 3U : 0U);
  const std::uint64_t count = ++credits_[{frame.header.stream, lane}];
  std::string_view payload = frame.payload;
  const std::uint64_t consumed = wire::take_u64(payload).value_or(0);
  const std::uint64_t step =
      std::clamp<std::uint64_t>(senders.windows[frame.header.lane] / 2, 1, 65536);
  const bool grows = frame.header.lane == 0 && senders.most_window > 0;
  const std::uint64_t growths = grows ? consumed / step + 10 : 0;
  const std::uint64_t asked = asked_[{frame.header.stream, lane}];
  if (count > consumed / step + 2 + acknowledged_ + growths + asked) {
    fault = std::to_string(count) + " CREDIT frames for " + std::to_string(consumed) + " bytes";
  }
}

bool Network::quiet() const {
  return trunk_up.bytes.empty() && trunk_down.bytes.empty() && !agent->has_output() &&
         std::all_of(clients.begin(), clients.end(), [](const auto& client) {
           return client->gone || (client->up.bytes.empty() && client->down.bytes.empty() &&
                                   !client->mux->has_output());
         });
}

void Network::kill(std::size_t index) {
  Client& client = *clients[index];
  up_to_link(client);
  client.gone = true;
  client.mux.reset();
  detach(client.consumer);
  add_client();
}

void Network::detach(std::uint32_t consumer) {
  if (connected_) {
    wire::append_frame(trunk_up.bytes,
                       {.type = wire::Type::kDetach, .stream = mux::prefix_of(consumer)}, "");
  }
}

void Network::send_down(Client& client, wire::Type type) {
  wire::append_frame(client.down.bytes, {.type = type}, "");
}

void Network::cut() {
  connected_ = false;
  trunk_up.clear();
  trunk_down.clear();
  for (const auto& client : clients) {
    client->passing = Client::Passing::kNothing;
    send_down(*client, wire::Type::kPaused);
  }
}

void Network::kill_link() {
  cut();
  for (const auto& client : clients) {
    client->up.clear();
    client->down.clear();
    if (!client->gone) {
      client->mux->suspend();
    }
  }
}

void Network::lose_agent(std::string why) {
  cut();
  agent->reset_all(why);
  lost_ = std::move(why);
}

void Network::tell_agent() {
  if (!connected_) {
    agent->suspend();
  }
}

void Network::reconnect() {
  tell_agent();
  trunk_up.clear();
  trunk_down.clear();
  connected_ = true;
  for (const std::uint32_t consumer : agent->consumers()) {
    if (living(consumer) == nullptr) {
      detach(consumer);
    }
  }
  for (const auto& client : clients) {
    client->passing = Client::Passing::kFromResume;
    send_down(*client, wire::Type::kAttached);
  }
}

}  // namespace rdev::sim
