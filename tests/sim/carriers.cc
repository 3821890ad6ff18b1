// The connections between the link process and the agent, and which of them counts: what
// client/link/keeper.h and agent/link/link.h do, without their clocks.
#include <algorithm>

#include "tests/sim/network.h"

namespace rdev::sim {

using View = Carrier::View;

void Pipe::set_up(Random& random) {
  capacity = random.one_of<std::size_t>({1, 100, 5000, 70000});
  piece = random.one_of<std::size_t>({3, 20, 1000, 70000});
}

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

Carrier& Network::add_carrier() {
  Carrier& carrier = *carriers_.emplace_back(std::make_unique<Carrier>());
  carrier.up.set_up(random);
  carrier.down.set_up(random);
  return carrier;
}

Carrier* Network::current(View Carrier::* side) const {
  const auto found = std::find_if(carriers_.begin(), carriers_.end(), [side](const auto& carrier) {
    return (*carrier).*side == View::kCurrent;
  });
  return found == carriers_.end() ? nullptr : found->get();
}

void Network::send(Carrier& carrier, wire::Header header, std::string_view payload) {
  if (!carrier.dead) {
    wire::append_frame(carrier.up.bytes, header, payload);
  }
}

bool Network::settled() const {
  if (!quiet() || carriers_.size() != 1) {
    return false;
  }
  const Carrier& only = *carriers_.front();
  return !only.dead && only.link == View::kCurrent && only.agent == View::kCurrent;
}

// --- What moves ---

bool Network::from_agent() {
  Carrier* const carrier = current(&Carrier::agent);
  if (carrier == nullptr) {
    fault += agent->has_output() ? "the agent has output without a connection" : "";
    return false;
  }
  const bool moved = produce(*agent, carrier->down);
  if (carrier->dead) {
    carrier->down.clear();  // it does not know yet
  }
  return moved;
}

bool Network::up_to_agent(Carrier& carrier) {
  const auto take = [this, &carrier](const wire::Frame& frame) {
    return take_at_agent(carrier, frame);
  };
  if (deliver(carrier.up, take)) {
    return true;
  }
  if (carrier.dead || carrier.link != View::kLeft || carrier.agent == View::kLeft) {
    return false;
  }
  if (carrier.agent == View::kCurrent) {  // it ends here
    agent->suspend();
  }
  carrier.agent = View::kLeft;
  return true;
}

Result<void> Network::take_at_agent(Carrier& carrier, const wire::Frame& frame) {
  if (carrier.agent == View::kLeft) {
    return {};
  }
  if (frame.header.type == wire::Type::kHello) {
    take_over(carrier);
    return {};
  }
  return agent->receive(frame);
}

void Network::take_over(Carrier& carrier) {
  std::string held;
  for (const std::uint32_t consumer : agent->consumers()) {
    wire::append_u32(held, consumer);
  }
  if (Carrier* const former = current(&Carrier::agent)) {
    agent->suspend();
    former->agent = View::kLeft;
    if (!former->dead) {
      wire::append_frame(former->down.bytes, {.type = wire::Type::kGoodbye}, "");
    }
  }
  carrier.agent = View::kCurrent;
  wire::append_frame(carrier.down.bytes, {.type = wire::Type::kWelcome}, held);
}

bool Network::down_to_link(Carrier& carrier) {
  if (carrier.link == View::kLeft) {
    carrier.down.clear();
    return false;
  }
  return deliver(carrier.down, [this, &carrier](const wire::Frame& frame) {
    return take_at_link(carrier, frame);
  });
}

Result<void> Network::take_at_link(Carrier& carrier, const wire::Frame& frame) {
  if (frame.header.type == wire::Type::kWelcome) {
    come_up(carrier, frame.payload);
    return {};
  }
  if (frame.header.type == wire::Type::kGoodbye) {
    leave(carrier);
    return {};
  }
  if (carrier.link == View::kGreeting) {
    return fail(Code::kProtocol, "a stream's frame before WELCOME");
  }
  count_credit(frame, agent_options);
  Client* const client = living(mux::consumer_of(frame.header.stream));
  if (client != nullptr && client->passing == Client::Passing::kAll) {
    wire::append_frame(client->down.bytes, frame.header, frame.payload);
  }
  return {};
}

void Network::come_up(Carrier& carrier, std::string_view held) {
  if (Carrier* const former = current(&Carrier::link)) {
    leave(*former);
  }
  carrier.link = View::kCurrent;
  while (const auto consumer = wire::take_u32(held)) {
    if (living(*consumer) == nullptr) {
      detach(*consumer);
    }
  }
  for (const auto& client : clients) {
    client->passing = Client::Passing::kFromResume;
    send_down(*client, wire::Type::kAttached);
  }
}

void Network::forget_closed() {
  std::erase_if(carriers_, [this](const auto& carrier) {
    return carriers_.size() > 1 && carrier->link == View::kLeft && carrier->agent == View::kLeft;
  });
}

// --- What happens ---

void Network::leave(Carrier& carrier) {
  if (std::exchange(carrier.link, View::kLeft) != View::kCurrent) {
    return;
  }
  for (const auto& client : clients) {
    client->passing = Client::Passing::kNothing;
    send_down(*client, wire::Type::kPaused);
  }
}

void Network::kill(Carrier& carrier) {
  carrier.dead = true;
  carrier.up.clear();
  carrier.down.clear();
  if (carrier.agent == View::kGreeting) {
    carrier.agent = View::kLeft;
  }
}

void Network::cut() {
  for (const auto& carrier : carriers_) {
    if (carrier->link == View::kCurrent || random.percent(50)) {
      kill(*carrier);
      leave(*carrier);
    }
  }
}

void Network::fall_silent() {
  if (Carrier* const carrier = current(&Carrier::link)) {
    kill(*carrier);
  }
}

void Network::kill_link() {
  for (const auto& carrier : carriers_) {
    leave(*carrier);
    if (random.percent(50)) {
      kill(*carrier);
    } else if (!carrier->up.bytes.empty()) {
      carrier->up.bytes.resize(random.below(carrier->up.bytes.size()));
    }
  }
  for (const auto& client : clients) {
    client->passing = Client::Passing::kNothing;
    client->up.clear();
    if (random.percent(50)) {
      continue;  // it reads what is in its socket, up to PAUSED
    }
    client->down.clear();
    if (!client->gone) {
      client->mux->suspend();
    }
  }
}

void Network::lose_agent(std::string why) {
  for (const auto& carrier : carriers_) {
    kill(*carrier);
    leave(*carrier);
    carrier->agent = View::kLeft;
  }
  agent->suspend();
  agent->reset_all(why);
  lost_ = std::move(why);
}

void Network::tell_agent() {
  Carrier* const carrier = current(&Carrier::agent);
  if (carrier != nullptr && carrier->dead) {
    agent->suspend();
    carrier->agent = View::kLeft;
  }
}

bool Network::wants_dial() const {
  const Carrier* const carrier = current(&Carrier::link);
  return (carrier == nullptr || carrier->dead) &&
         std::none_of(carriers_.begin(), carriers_.end(),
                      [](const auto& one) { return one->link == View::kGreeting; });
}

void Network::dial() {
  for (const auto& carrier : carriers_) {
    if (carrier->link == View::kGreeting) {
      leave(*carrier);  // its HELLO may arrive all the same, even after the next one
    }
  }
  send(add_carrier(), {.type = wire::Type::kHello}, "");
}

}  // namespace rdev::sim
