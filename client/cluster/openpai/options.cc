#include "client/cluster/openpai/options.h"

#include <algorithm>
#include <cmath>

#include "client/cluster/openpai/render.h"
#include "client/templates/pointer.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kMegabyte = 1U << 20U;  // OpenPAI's MB

json::object* object_below(json::value* value, std::string_view key) {
  json::object* object = value == nullptr ? nullptr : value->if_object();
  json::value* child = object == nullptr ? nullptr : object->if_contains(key);
  return child == nullptr ? nullptr : child->if_object();
}

// The mapping at `key`, made if there is none; a problem when something else is there.
json::object* make_object(json::object& parent, std::string_view key, const std::string& pointer,
                          std::vector<Problem>& problems) {
  json::value& child = parent[key];
  if (child.is_null()) {
    child.emplace_object();
  }
  if (!child.is_object()) {
    problems.push_back({.pointer = templates::pointer_to(pointer, key),
                        .what = "must be a mapping of keys to values"});
    return nullptr;
  }
  return &child.get_object();
}

bool is_image(const json::value& prerequisite, const json::value& name) {
  const json::object* object = prerequisite.if_object();
  const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
  const json::value* its_name = object == nullptr ? nullptr : object->if_contains("name");
  return type != nullptr && *type == "dockerimage" && its_name != nullptr && *its_name == name;
}

bool another_role_has(const json::value& job, const json::value& image) {
  bool first = true;
  for (const auto& [name, role] : job.at("taskRoles").as_object()) {
    const json::object* object = role.if_object();
    const json::value* its = object == nullptr ? nullptr : object->if_contains("dockerImage");
    if (!first && its != nullptr && *its == image) {
      return true;
    }
    first = false;
  }
  return false;
}

// The image of the first role alone.
void set_image(json::value& job, const std::string& uri) {
  json::object& role = role_of(job);
  json::value& all = job.as_object()["prerequisites"];
  if (all.is_null()) {
    all.emplace_array();
  }
  if (!all.is_array()) {
    return;  // a problem of the schema's
  }
  json::value wanted = "rdev_image";
  if (const json::value* name = role.if_contains("dockerImage")) {
    if (!name->is_string()) {
      return;
    }
    wanted = another_role_has(job, *name) ? wanted : *name;
  }
  role["dockerImage"] = wanted;
  for (json::value& prerequisite : all.get_array()) {
    if (is_image(prerequisite, wanted)) {
      prerequisite.as_object()["uri"] = uri;
      return;
    }
  }
  all.get_array().push_back(json::object{{"type", "dockerimage"}, {"name", wanted}, {"uri", uri}});
}

std::uint64_t megabytes(std::uint64_t bytes) {
  return bytes / kMegabyte + (bytes % kMegabyte == 0 ? 0 : 1);
}

void set_resources(json::object& role, const JobSpec& spec) {
  json::object& resources = role["resourcePerInstance"].as_object();
  if (spec.gpus) {
    resources["gpu"] = *spec.gpus;
  }
  if (spec.cpus) {
    resources["cpu"] = static_cast<std::int64_t>(std::ceil(*spec.cpus));
  }
  if (spec.memory_bytes) {
    resources["memoryMB"] = megabytes(*spec.memory_bytes);
  }
  if (spec.shm_bytes) {
    json::value& extra = role["extraContainerOptions"];
    if (extra.is_null()) {
      extra.emplace_object();
    }
    extra.as_object()["shmMB"] = megabytes(*spec.shm_bytes);
  }
  json::value& ports = resources["ports"];
  if (ports.is_null()) {
    ports.emplace_object();
  }
  ports.as_object()["rdev"] = 1;
  if (spec.instances > 1 && !ports.as_object().contains("master")) {
    ports.as_object()["master"] = 1;
  }
}

void set_instances(json::object& role, int instances, std::vector<std::string>& notes) {
  if (role["instances"] == instances) {
    return;
  }
  role["instances"] = instances;
  if (role.contains("completion")) {
    role.stable_erase("completion");
    notes.push_back(
        "`completion` of the template was made for another number of instances and is "
        "left out: the job fails with the first instance that fails, and succeeds when "
        "all have");
  }
}

// Each is NAME, which the platform mounts at /mnt/NAME, or NAME:PATH.
void set_storages(json::object& extras, const JobSpec& spec, std::vector<Problem>& problems) {
  json::value& storages = extras["storages"];
  if (storages.is_null()) {
    storages.emplace_array();
  }
  if (!storages.is_array()) {
    problems.push_back({.pointer = "/extras/storages", .what = "must be a list of {name: …}"});
    return;
  }
  json::array& all = storages.get_array();
  for (const std::string& asked : spec.storages) {
    const std::size_t colon = asked.find(':');
    const std::string name = asked.substr(0, colon);
    auto found = std::find_if(all.begin(), all.end(), [&](const json::value& one) {
      const json::object* object = one.if_object();
      const json::value* its = object == nullptr ? nullptr : object->if_contains("name");
      return its != nullptr && its->is_string() && its->get_string() == name;
    });
    if (found == all.end()) {
      all.push_back(json::object{{"name", name}});
      found = all.end() - 1;
    }
    if (colon != std::string::npos) {
      found->get_object()["mountPath"] = asked.substr(colon + 1);
    }
  }
}

void set_scheduling(json::object& extras, const std::string& role, const JobSpec& spec,
                    std::vector<Problem>& problems) {
  json::object* hived = make_object(extras, "hivedScheduler", "/extras", problems);
  if (hived == nullptr) {
    return;
  }
  if (!spec.priority.empty()) {
    (*hived)["jobPriorityClass"] = spec.priority;
  }
  if (spec.sku.empty()) {
    return;
  }
  json::object* roles = make_object(*hived, "taskRoles", "/extras/hivedScheduler", problems);
  json::object* its = roles == nullptr
                          ? nullptr
                          : make_object(*roles, role, "/extras/hivedScheduler/taskRoles", problems);
  if (its != nullptr) {
    (*its)["skuType"] = spec.sku;
    its->emplace("skuNumber", 1);  // unless it is there; the server counts anew by the resources
  }
}

}  // namespace

std::string role_name(const json::value& job) {
  return job.at("taskRoles").as_object().begin()->key();
}

json::object& role_of(json::value& job) {
  return job.as_object()["taskRoles"].as_object().begin()->value().as_object();
}

bool is_rendered(const json::value& job) {
  const json::object* object = job.if_object();
  for (const std::string_view key : {"extras", "rdev"}) {
    const json::value* child = object == nullptr ? nullptr : object->if_contains(key);
    object = child == nullptr ? nullptr : child->if_object();
  }
  return object != nullptr && object->contains("id");
}

void complete(json::value& job, const JobSpec& spec) {
  if (!job.is_object()) {
    return;
  }
  job.get_object()["name"] = job_name(spec);
  json::object* roles = object_below(&job, "taskRoles");
  if (roles == nullptr) {
    return;
  }
  for (auto& entry : *roles) {
    if (json::object* role = entry.value().if_object()) {
      role->emplace("instances", 1);
    }
  }
  if (!spec.image.empty() && !roles->empty() && roles->begin()->value().is_object()) {
    set_image(job, spec.image);
  }
}

std::vector<Problem> apply_options(json::value& job, const JobSpec& spec,
                                   std::vector<std::string>& notes) {
  std::vector<Problem> problems;
  set_instances(role_of(job), spec.instances, notes);
  set_resources(role_of(job), spec);
  const std::string role = role_name(job);
  json::object& top = job.as_object();
  if (!spec.virtual_cluster.empty()) {
    if (json::object* defaults = make_object(top, "defaults", "", problems)) {
      (*defaults)["virtualCluster"] = spec.virtual_cluster;
    }
  }
  json::object* extras = make_object(top, "extras", "", problems);
  if (extras != nullptr && (!spec.priority.empty() || !spec.sku.empty())) {
    set_scheduling(*extras, role, spec, problems);
  }
  if (extras != nullptr && !spec.storages.empty()) {
    set_storages(*extras, spec, problems);
  }
  return problems;
}

}  // namespace rdev::cluster::openpai
