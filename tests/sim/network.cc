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

}  // namespace

Network::Network(Random& chosen, std::size_t count) : random(chosen) {
  if (random.percent(30)) {
    above = std::make_shared<mux::Memory>(random.below(100'000), nullptr, 500);
  }
  agent_options = options(random, mux::Side::kAgent, 0, above);
  agent = std::make_unique<mux::Mux>(agent_options);
  Carrier& first = add_carrier();
  first.link = first.agent = Carrier::View::kCurrent;
  for (std::size_t i = 0; i < count; ++i) {
    add_client();
  }
}

void Network::add_client() {
  auto client = std::make_unique<Client>();
  client->consumer = static_cast<std::uint32_t>(random.number()) | 1U;
  client->options = options(random, mux::Side::kClient, client->consumer);
  client->mux = std::make_unique<mux::Mux>(client->options);
  if (current(&Carrier::link) == nullptr) {
    client->passing = Client::Passing::kNothing;
  }
  client->up.set_up(random);
  client->down.set_up(random);
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

bool Network::move_something() {
  const std::size_t clients_from = 1 + 2 * carriers_.size();
  const std::size_t ways = clients_from + 3 * clients.size();
  const std::size_t first = random.below(ways);
  bool moved = false;
  for (std::size_t i = 0; i < ways && !moved; ++i) {
    const std::size_t way = (first + i) % ways;
    if (way >= clients_from) {
      moved = move_client(*clients[(way - clients_from) / 3], (way - clients_from) % 3);
    } else if (way == 0) {
      moved = from_agent();
    } else {
      Carrier& carrier = *carriers_[(way - 1) / 2];
      moved = way % 2 == 1 ? up_to_agent(carrier) : down_to_link(carrier);
    }
  }
  forget_closed();
  return moved;
}

bool Network::move_client(Client& client, std::size_t way) {
  if (client.gone) {
    return false;
  }
  if (way == 0) {
    return produce(*client.mux, client.up);
  }
  if (way == 1) {
    const Carrier* const carrier = current(&Carrier::link);
    return (carrier == nullptr || !carrier->up.full()) && up_to_link(client);
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
    send(*current(&Carrier::link), frame.header, frame.payload);
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
  return !agent->has_output() &&
         std::all_of(carriers_.begin(), carriers_.end(),
                     [](const auto& carrier) {
                       return carrier->up.bytes.empty() && carrier->down.bytes.empty();
                     }) &&
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
  if (Carrier* const carrier = current(&Carrier::link)) {
    send(*carrier, {.type = wire::Type::kDetach, .stream = mux::prefix_of(consumer)}, "");
  }
}

void Network::send_down(Client& client, wire::Type type) {
  wire::append_frame(client.down.bytes, {.type = type}, "");
}

}  // namespace rdev::sim
