#include "tests/sim/world.h"

#include <algorithm>

namespace rdev::sim {
namespace {

// Far more than any run takes: idle steps until it counts as stuck, steps until it counts as
// endless.
constexpr std::uint64_t kStuck = 50'000;
constexpr std::uint64_t kEndless = 5'000'000;

constexpr const char* kGone = "the process that used the stream is gone";
constexpr const char* kCut = "the agent is another one";

// Which end of the talk is the agent's: the opener's, 0, or the other.
std::size_t agents_side(mux::StreamId id) { return (id & mux::kAgentOpened) != 0 ? 0 : 1; }

}  // namespace

World::World(std::uint64_t seed)
    : random_(seed),
      network_(random_, 1 + random_.below(4)),
      opens_(random_.up_to(20)),
      children_(random_.percent(50) ? random_.up_to(8) : 0),
      disturbances_(random_.percent(70) ? random_.up_to(10) : 0),
      network_speed_(random_.one_of<unsigned>({20, 50, 80})),
      acknowledges_(random_.percent(50)) {}

std::optional<std::string> World::run() {
  while (fault_.empty() && !over()) {
    const bool moved = random_.percent(network_speed_) ? network_.move_something() : act();
    ++step_;
    if (moved) {
      drain_events();
      last_progress_ = step_;
    } else if (network_.settled()) {
      check_kept();
    }
    if (step_ - last_progress_ > kStuck || step_ > kEndless) {
      fault_ = step_ > kEndless ? "endless" : "stuck";
      for (const Talk* talk : living_) {
        wrong(*talk, "lives");
      }
    }
    if (!network_.fault.empty()) {
      fault_ = "a frame is refused: " + network_.fault;
    }
  }
  return fault_.empty() ? check_nothing_left() : fault_;
}

bool World::over() { return opens_ == 0 && living_.empty() && network_.settled(); }

bool World::act() {
  const std::size_t which = random_.below(living_.size() + 2);
  if (which == living_.size()) {
    return open();
  }
  if (which > living_.size()) {
    return disturb();
  }
  Talk& talk = *living_[which];
  if (children_ > 0 && random_.percent(2) && open_child(talk)) {
    return true;
  }
  const auto& end = talk.ends[random_.below(2)];
  const bool acted = end && end->phase != End::Phase::kOver && end->act();
  if (!talk.fault.empty()) {
    wrong(talk, talk.fault);
  }
  const auto done = [](const auto& one) { return !one || one->phase == End::Phase::kOver; };
  if (done(talk.ends[0]) && done(talk.ends[1])) {
    living_.erase(living_.begin() + static_cast<std::ptrdiff_t>(which));
    return true;
  }
  return acted;
}

void World::add_end(Talk& talk, std::size_t side) {
  Client* const client = network_.living(mux::consumer_of(talk.id));
  const bool agents = side == agents_side(talk.id);
  // The agent may hear of a stream whose process is gone.
  const mux::Options& its = client ? client->options : network_.agent_options;
  talk.ends[side] =
      agents
          ? std::make_unique<End>(random_, talk, side, *network_.agent, network_.agent_options, its)
          : std::make_unique<End>(random_, talk, side, *client->mux, its, network_.agent_options);
}

void World::begin(mux::StreamId id, mux::StreamId parent) {
  Talk& talk = talks_[id];
  if (talk.id != 0) {
    return wrong(talk, "the id was given out before");
  }
  talk.id = id;
  talk.parent = parent;
  if (network_.living(mux::consumer_of(id)) == nullptr) {
    talk.resets.emplace_back(kGone);  // what the agent does not know yet
  }
  if (agent_lost_) {
    talk.resets.emplace_back(kCut);  // what the client does not know yet
  }
  add_end(talk, 0);
  living_.push_back(&talk);
}

bool World::open() {
  if (opens_ == 0 || random_.percent(70)) {
    return false;
  }
  const auto& client = *network_.clients[random_.below(network_.clients.size())];
  if (client.gone) {
    return false;
  }
  --opens_;
  if (const auto id = client.mux->open("request")) {
    begin(*id, 0);
  } else if (id.error().code != Code::kLimit || client.mux->streams() < client.options.streams) {
    fault_ = "open: " + id.error().message;
  }
  return true;
}

bool World::open_child(Talk& talk) {
  const std::size_t side = agents_side(talk.id);
  if (!talk.ends[side] || talk.ends[side]->phase != End::Phase::kTalking) {
    return false;
  }
  --children_;
  const bool closed = network_.agent->closed_by_peer(talk.id);
  if (const auto id = network_.agent->open("request", talk.id)) {
    if (closed) {
      wrong(talk, "something was opened below it after its close");
    }
    begin(*id, talk.id);
  } else if (id.error().code == Code::kClosed
                 ? !closed
                 : network_.agent->streams() < network_.agent_options.streams) {
    fault_ = "open: " + id.error().message;
  }
  return true;
}

// A process dies, a connection dies or comes, or (always harmless) somebody acknowledges.
bool World::disturb() {
  if (acknowledges_ && random_.percent(1)) {
    network_.acknowledge();
  }
  if (network_.wants_dial() && random_.percent(20)) {
    random_.percent(30) ? network_.tell_agent() : network_.dial();
    return true;
  }
  if (disturbances_ == 0 || !random_.percent(3)) {
    return false;
  }
  --disturbances_;
  switch (random_.below(13)) {
    case 0:
      return kill_process();
    case 1:
      lose_agent();
      return true;
    case 2:
    case 3:
      network_.kill_link();
      if (random_.percent(50)) {
        network_.dial();  // the next one, before the agent has seen the end of this one's
      }
      return true;
    case 4: {  // for no reason
      Client& client = *network_.clients[random_.below(network_.clients.size())];
      if (!client.gone && client.passing == Client::Passing::kAll) {
        client.mux->resume();
      }
      return true;
    }
    case 5:
      network_.fall_silent();
      return true;
    case 6:
    case 7:
    case 8:
      network_.dial();
      if (random_.percent(30)) {
        network_.dial();
      }
      return true;
    default:
      network_.cut();
      return true;
  }
}

void World::lose_agent() {
  for (auto& [id, talk] : talks_) {
    talk.resets.push_back(kCut);
    talk.lost = true;
  }
  agent_lost_ = true;
  network_.lose_agent(kCut);
}

bool World::kill_process() {
  const std::size_t victim = random_.below(network_.clients.size());
  Client& client = *network_.clients[victim];
  if (client.gone) {
    return false;
  }
  for (auto& [id, talk] : talks_) {
    if (mux::consumer_of(id) == client.consumer) {
      talk.resets.push_back(kGone);
      if (const auto& end = talk.ends[1 - agents_side(id)]) {
        end->die();
      }
    }
  }
  network_.kill(victim);
  return true;
}

void World::drain_events() {
  drain(*network_.agent, network_.agent_options);
  for (const auto& client : network_.clients) {
    if (client->mux) {
      drain(*client->mux, client->options);
    }
  }
}

void World::drain(mux::Mux& mux, const mux::Options& options) {
  while (const auto event = mux.next_event()) {
    const auto found = talks_.find(event->id);
    if (found == talks_.end()) {
      fault_ = "an event of an unknown stream";
      return;
    }
    Talk& talk = found->second;
    const std::size_t agents = agents_side(talk.id);
    const std::size_t side = &mux == network_.agent.get() ? agents : 1 - agents;
    if (event->kind == mux::Event::Kind::kOpened && (!talk.ends[1] || talk.lost)) {
      talk.lost = false;  // nothing was heard of the agent that was asked before
      const auto parent = talks_.find(talk.parent);
      if (parent != talks_.end() && parent->second.ends[1 - agents_side(talk.parent)]->closed) {
        wrong(talk, "opened below a stream that was closed");
      }
      add_end(talk, 1);
      if (event->text != "request" || event->parent != talk.parent) {
        wrong(talk, "opened with another request");
      }
      if (talk.ends[0]->phase == End::Phase::kOver) {
        const auto known = std::find(living_.begin(), living_.end(), &talk);
        if (known == living_.end()) {
          living_.push_back(&talk);
        }
      }
    } else if (!talk.ends[side]) {
      wrong(talk, "an event before it was opened");
    } else {
      talk.ends[side]->on_event(*event);
    }
    check_held(mux, options);
    if (!talk.fault.empty()) {
      wrong(talk, talk.fault);
    }
  }
}

std::uint64_t World::bytes() const {
  std::uint64_t all = 0;
  for (const auto& [id, talk] : talks_) {
    for (const auto& end : talk.ends) {
      all += end ? end->read[0] + end->read[1] + end->read[2] : 0;
    }
  }
  return all;
}

void World::wrong(const Talk& talk, const std::string& what) {
  fault_ += (fault_.empty() ? "" : "\n  ") + ("stream " + std::to_string(talk.id)) + ": " + what;
  for (const auto& end : talk.ends) {
    fault_ += end ? "\n    " + end->state() : "";
  }
}

}  // namespace rdev::sim
