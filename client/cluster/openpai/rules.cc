#include <map>
#include <set>

#include "client/cluster/openpai/report.h"
#include "client/cluster/openpai/schema.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

const json::value* below(const json::value* value, std::string_view key) {
  const json::object* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string name_of(const json::value& value) {
  const json::value* name = below(&value, "name");
  return name != nullptr && name->is_string() ? std::string(name->get_string()) : "";
}

using Names = std::set<std::string, std::less<>>;

// The names of what `list` has, by `type`; a name that is there twice is a problem.
std::map<std::string, Names> prerequisite_names(Report& report, const json::value& job) {
  std::map<std::string, Names> names;
  const json::value* all = below(&job, "prerequisites");
  if (all == nullptr) {
    return names;
  }
  const Path root;
  const Path list = root.at("prerequisites");
  for (std::size_t i = 0; i < all->get_array().size(); ++i) {
    const json::value& one = all->get_array()[i];
    const std::string type(one.at("type").get_string());
    if (!names[type].insert(name_of(one)).second) {
      report.add(list.at(i),
                 "there are two of type " + type + " with the name '" + name_of(one) + "'");
    }
  }
  return names;
}

void check_references(Report& report, const Path& path, const json::value& role,
                      std::map<std::string, Names>& names) {
  const std::pair<std::string_view, const char*> kinds[] = {
      {"dockerImage", "dockerimage"}, {"data", "data"}, {"output", "output"}, {"script", "script"}};
  for (const auto& [key, type] : kinds) {
    const json::value* name = below(&role, key);
    if (name != nullptr && !names[type].contains(std::string_view(name->get_string()))) {
      report.add(path.at(key),
                 "prerequisites has no " + std::string(type) + " with the name " + shown(*name));
    }
  }
}

void check_roles(Report& report, const json::value& job) {
  auto names = prerequisite_names(report, job);
  const Path root;
  const Path path = root.at("taskRoles");
  const json::value& roles = job.at("taskRoles");
  if (!roles.is_object()) {
    report.add(path, "must be a mapping of role names, not " + shown(roles));
    return;
  }
  std::map<std::string, std::string> by_written;
  for (const auto& [name, role] : roles.get_object()) {
    const Path here = path.at(name);
    const std::string written = role_as_written(name);
    if (written.empty() || written.front() < 'a') {
      report.add(here,
                 "the server keeps only letters and digits of a role's name; they must begin "
                 "with a letter, as in rdev",
                 Problem::At::kKey);
    } else if (const auto [other, fresh] = by_written.emplace(written, name); !fresh) {
      report.add(here,
                 "is the same as '" + other->second +
                     "' to the server, which keeps only "
                     "lower case letters and digits: both are " +
                     written,
                 Problem::At::kKey);
    }
    if (below(&role, "instances") == nullptr) {
      report.add(here.at("instances"), "is missing, and the server fails without it");
    }
    const json::value* ports = below(&role.at("resourcePerInstance"), "ports");
    if (ports != nullptr && !ports->is_object()) {
      const Path resources = here.at("resourcePerInstance");
      report.add(
          resources.at("ports"),
          "must be a mapping of labels to how many ports, as in {http: 1}, not " + shown(*ports));
    }
    check_references(report, here, role, names);
  }
}

void check_deployments(Report& report, const json::value& job) {
  const Path root;
  Names names;
  if (const json::value* all = below(&job, "deployments")) {
    const Path list = root.at("deployments");
    for (std::size_t i = 0; i < all->get_array().size(); ++i) {
      const std::string name = name_of(all->get_array()[i]);
      if (!names.insert(name).second) {
        report.add(list.at(i), "there are two with the name '" + name + "'");
      }
    }
  }
  const json::value* chosen = below(below(&job, "defaults"), "deployment");
  if (chosen != nullptr && !names.contains(std::string_view(chosen->get_string()))) {
    const Path defaults = root.at("defaults");
    report.add(defaults.at("deployment"), "deployments has none with the name " + shown(*chosen));
  }
}

void check_priority(Report& report, const json::value& job) {
  const json::value* priority =
      below(below(below(&job, "extras"), "hivedScheduler"), "jobPriorityClass");
  if (priority != nullptr) {
    const Path root;
    const Path extras = root.at("extras");
    const Path hived = extras.at("hivedScheduler");
    report.one_of(hived.at("jobPriorityClass"), *priority, {"prod", "test", "oppo"});
  }
}

}  // namespace

std::string role_as_written(std::string_view role) {
  std::string written;
  for (const char c : role) {
    if (c >= 'A' && c <= 'Z') {
      written += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      written += c;
    }
  }
  return written;
}

std::vector<Problem> rule_problems(const json::value& job) {
  if (!schema_problems(job).empty()) {
    return {};
  }
  Report report;
  check_roles(report, job);
  check_deployments(report, job);
  check_priority(report, job);
  return report.take();
}

}  // namespace rdev::cluster::openpai
