import { ApiError, created, invalid, type Routes } from "./answer.ts";
import { Collection, type Thing } from "./collection.ts";

export interface PlacementGroup extends Thing { type: "spread"; servers: number[] }

export const placementGroups = () => new Collection<PlacementGroup>("placement_group", "placement_groups");

export function placementGroupRoutes(groups: Collection<PlacementGroup>): Routes {
  return {
    ...groups.routes((group) => group, ({ servers }) => {
      if (servers.length > 0) throw new ApiError("resource_in_use", "placement_group is in use");
    }),
    "POST /placement_groups": ({ body }) => {
      if (body.type !== "spread") throw invalid("type", "must be 'spread'");
      return created({ placement_group: groups.add(body, { type: "spread", servers: [] }), action: null });
    },
  };
}
