import { parse, resetSVGDefIds, textMetrics, View } from 'vega';
import { compile } from 'vega-lite';

/** Distinguishable with all common types of color blindness (after Okabe and Ito), on white and on black. */
export const colours = { blue: '#0c7bdc', orange: '#d55e00', green: '#1a9d6c', grey: '#8c8c8c' };
/** Readable on white and on black: a contrast ratio of at least 4 with both. */
const TEXT = '#767676';
const LINE = '#767676';

/** Character width of a wide sans-serif font as a fraction of the font size, because text cannot be measured here. */
const CHARACTER = 0.6;
textMetrics.width = ({ fontSize = 11 }, text) => CHARACTER * fontSize * String(text ?? '').length;

const config = {
  background: null,
  font: 'sans-serif',
  padding: 8,
  title: {
    color: TEXT,
    subtitleColor: TEXT,
    fontSize: 15,
    subtitleFontSize: 12,
    anchor: 'start',
    offset: 14,
    subtitlePadding: 6,
  },
  axis: {
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 0,
    domain: false,
    tickColor: LINE,
    gridColor: LINE,
    gridOpacity: 0.25,
  },
  axisY: { grid: false, ticks: false, labelPadding: 8 },
  header: { labelColor: TEXT, titleColor: TEXT, labelFontSize: 12, labelFontWeight: 'bold', labelLimit: 0 },
  legend: {
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 0,
  },
  text: { color: TEXT, fontSize: 12 },
  view: { stroke: null },
};

/**
 * Draws a chart as SVG. The same specification yields the same bytes.
 * @param {object} specification Vega-Lite specification
 * @param {string} description what the picture shows, for screen readers
 * @returns {Promise<string>}
 */
export async function draw(specification, description) {
  resetSVGDefIds();
  const { spec } = compile({ ...specification, config: { ...config, ...specification.config } });
  const view = new View(parse(spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  // An image has one description. Screen readers do not read those of its parts.
  const plain = svg.replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, '');
  return `${plain.replace('<svg ', `<svg role="img" aria-label="${escaped(description)}" `)}\n`;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
