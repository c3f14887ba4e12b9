import { describe, expect, it } from 'vitest';
import { html } from '../../../../src/runtime/base/text/html.ts';
import { intervalChart } from '../../../../src/runtime/evaluation/report/charts/intervals.ts';
import { lineChart } from '../../../../src/runtime/evaluation/report/charts/lines.ts';
import { ticks } from '../../../../src/runtime/evaluation/report/charts/scale.ts';

describe('a piece of a page', () => {
  it('escapes what is filled in, whoever wrote it', () => {
    expect(html`<p title="${'"><script>'}">${"<b>&'"}</p>`.text).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&#39;</p>',
    );
  });

  it('shows characters that are not seen or change the order of what is read', () => {
    expect(html`<p>${'a\u202eb\x1b\x00c\nd'}</p>`.text).toBe('<p>a\\u202eb\\x1b\\x00c\nd</p>');
  });

  it('takes other pieces as they are, joins lists, and leaves nothing for nothing', () => {
    const items = ['a', 'b'].map((name) => html`<li>${name}</li>`);
    expect(html`<ul>${items}</ul>${null}${undefined}${3}`.text).toBe('<ul><li>a</li><li>b</li></ul>3');
  });
});

describe('a chart', () => {
  it('draws a figure that is not defined as words, not as NaN', () => {
    const undefinedFigure = { value: null, low: null, high: null };
    const { text } = intervalChart([{ label: 'x', figure: undefinedFigure, kind: 'plain' }], { title: 't' });
    expect(text).toContain('not defined');
    expect(text).not.toContain('NaN');
  });

  it('breaks a line where a value is missing, and copes with none', () => {
    const { text } = lineChart([{ name: 'site', values: [0.1, null, 0.3, 0.4] }], { title: 't', x: 'round' });
    expect(text.match(/M[\d.]/g)?.length).toBe(2);
    // At twice and thrice the place of the first.
    const at = lineChart([{ name: 'a', values: [1, 2, 3], at: [0.1, 0.2, 0.4] }], {
      title: 't',
      x: 'MB',
    }).text;
    const places = [...(/d="M([\d.]+) [\d.]+L([\d.]+) [\d.]+L([\d.]+)/.exec(at) ?? [])].slice(1).map(Number);
    expect(places).toEqual([179, 306, 560]);
    expect(lineChart([{ name: 'site', values: [null] }], { title: 't', x: 'round' }).text).not.toContain(
      'NaN',
    );
  });

  it('has round steps', () => {
    expect(ticks([0, 1], 5).map((tick) => Number(tick.toFixed(2)))).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([0, 40], 8)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40]);
  });
});
