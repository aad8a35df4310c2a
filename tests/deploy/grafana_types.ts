// Whether a dashboard is what Grafana's own package of types says it is. The test appends `const page: Page = <JSON>;`
// and runs the TypeScript compiler: a field that is missing, unknown or of another type is an error.
import type { Dashboard, Panel, RowPanel, FieldConfig, FieldConfigSource, AnnotationQuery, DashboardLink } from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the values of enumerations, not their names.
type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

// The package leaves a panel's options open, since each kind has its own: here they are closed by kind.
type Fields<C> = Omit<FieldConfigSource, 'defaults'> & { defaults: Omit<FieldConfig, 'custom'> & { custom?: Partial<C> } };
type Of<K extends string, O, C> = Omit<Panel, 'type' | 'options' | 'fieldConfig'> & { type: K; options: O; fieldConfig: Fields<C> };
type AnyPanel =
  | Of<'bargauge', bargauge.Options, Record<string, never>>
  | Of<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Of<'stat', stat.Options, Record<string, never>>
  | Of<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Of<'table', Omit<table.Options, 'frameIndex'> & Partial<Pick<table.Options, 'frameIndex'>>, table.FieldConfig>
  | Of<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | RowPanel;

// A Prometheus annotation keeps its query beside the common fields.
type Annotation = AnnotationQuery & { expr: string; step: string; titleFormat: string; textFormat: string };
type Links = { links: DashboardLink[] };
type Page = Plain<Omit<Dashboard, 'panels' | 'annotations' | 'links'> & Links & { panels: AnyPanel[]; annotations: { list: Annotation[] } }>;

